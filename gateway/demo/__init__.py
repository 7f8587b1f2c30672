"""The guided story of an outage: a real gateway, a real mock centre, and a clock that can run faster."""
