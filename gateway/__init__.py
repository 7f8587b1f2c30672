"""The SIAK gateway: keeps regional programmes working while the national system is slow or away."""
