"""Pictures into folders: ledger, workers, records."""
