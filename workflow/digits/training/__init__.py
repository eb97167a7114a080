"""Training: the loop, losses, optimisers, schedules, sampling, augmentation."""
