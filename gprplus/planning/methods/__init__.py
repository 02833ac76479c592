"""Methods that weight candidate cells, behind one interface."""
