"""Sets of events, as estimators of one number take them."""
