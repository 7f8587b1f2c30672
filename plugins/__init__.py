"""Built-in plugins: features that serve every adapter. Each folder is one extension."""
