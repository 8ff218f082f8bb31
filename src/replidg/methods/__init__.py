"""Domain generalization methods. An objective gives the loss, an averaging the final weights."""
