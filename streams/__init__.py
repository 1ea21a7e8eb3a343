"""What flows in and out: cameras, bus, ledger, gateway, viewer. Never torch."""
