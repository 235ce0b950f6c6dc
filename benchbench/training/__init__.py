"""What `Method.train(source)` is given."""
