"""What the tests of the results share."""

import torch

# README's figures were measured on a processor with AVX-512, and are compared to the last digit there. Another kind rounds
# otherwise, and a training magnifies that into something like another seed.
ON_READMES_PROCESSOR = torch.backends.cpu.get_cpu_capability() == "AVX512"
