"""Problems and sample sets on disk."""
