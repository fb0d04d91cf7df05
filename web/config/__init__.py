"""The configuration in pages: a draft of one's own, forms made from the model, check, compare, apply, history."""
