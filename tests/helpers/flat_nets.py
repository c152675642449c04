"""The state dicts of 2D ImageNet nets, key for key as torchvision and timm write them; their numbers are random."""

import torch

NORM = {"weight": torch.ones, "bias": torch.zeros, "running_mean": torch.zeros, "running_var": torch.ones}
BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}


def flat_resnet(depth, num_classes=1000, seed=0):
    """{key: tensor} of a 2D ResNet."""
    state, generator = {}, torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(shape, generator=generator) / (shape[1] * shape[2] * shape[3]) ** 0.5

    def norm(name, count):
        for leaf, make in NORM.items():
            state[f"{name}.{leaf}"] = make(count)
        state[f"{name}.num_batches_tracked"] = torch.tensor(1)

    def conv(name, c_out, c_in, size):
        state[f"{name}.weight"] = draw(c_out, c_in, size, size)

    wide = 4 if depth >= 50 else 1
    sizes = (1, 3, 1) if depth >= 50 else (3, 3)
    conv("conv1", 64, 3, 7)
    norm("bn1", 64)
    c_in = 64
    for stage, blocks in enumerate(BLOCKS[depth]):
        planes = 64 << stage
        for block in range(blocks):
            there, c = f"layer{stage + 1}.{block}", c_in
            for number, size in enumerate(sizes, 1):
                c_out = planes * wide if number == len(sizes) else planes
                conv(f"{there}.conv{number}", c_out, c, size)
                norm(f"{there}.bn{number}", c_out)
                c = c_out
            if block == 0 and c_in != c:
                conv(f"{there}.downsample.0", c, c_in, 1)
                norm(f"{there}.downsample.1", c)
            c_in = c
    state["fc.weight"], state["fc.bias"] = draw(num_classes, c_in, 1, 1)[:, :, 0, 0], torch.zeros(num_classes)
    return state
