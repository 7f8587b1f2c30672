"""Built-in adapters: one regional programme each. Each folder is one extension."""
