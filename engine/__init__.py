"""What is decided: time, tracks, belief, identity, visits, rules, alerts. Never a clock."""
