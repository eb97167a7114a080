"""What figures and pages are made of."""
