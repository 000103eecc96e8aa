"""What the stages hand to each other: types, no behaviour."""
