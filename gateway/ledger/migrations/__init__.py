"""The ledger's schema, step by step; a released revision is never changed, only followed by another one."""
