"""One method on one problem: trained, audited, scored."""
