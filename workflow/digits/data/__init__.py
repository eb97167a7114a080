"""From files to tensors: IDX, folders and archives of images, decoding, splitting."""
