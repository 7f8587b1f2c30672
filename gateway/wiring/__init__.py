"""The composition root: puts the rooms together into a gateway, runs it, reloads it."""
