"""Networks: dense and convolutional, their weight files, ensembles, export."""
