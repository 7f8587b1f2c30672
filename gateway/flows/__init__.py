"""The verbs of the gateway: what happens when something is asked. No HTTP, no SQL in sight."""
