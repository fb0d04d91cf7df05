"""What each kind of the ledger's events comes to; `appliance.figures.fold` puts the parts together. Pure."""
