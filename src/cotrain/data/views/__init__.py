"""One image becomes S views: drawn on the CPU, made on the device; mixup shared by all."""
