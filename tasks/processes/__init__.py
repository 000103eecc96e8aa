"""Child processes: how they end, and how what they log reaches their parent."""
