"""What is decided: time, geometry, tracks, belief, identity, visits, rules, alerts. Never a clock, never a socket."""
