"""The way to the centre: its dialect, and one link per file."""
