"""Drawing of arms: matched slots, merged levels, deals."""
