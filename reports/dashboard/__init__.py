"""What serves now, and does anything need a person? One page that goes stale by itself."""
