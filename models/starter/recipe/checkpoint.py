"""A training run on disk: one file, replaced whole, from which the same command goes on."""
import os

import torch

from model import Config, Llama


def save(path: str, content: dict) -> None:
    """Never leaves a partial file in the place of a good one."""
    partial = path + ".partial"
    with open(partial, "wb") as file:
        torch.save(content, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


def load(path: str) -> dict:
    return torch.load(path, map_location="cpu")


def model_of(content: dict) -> Llama:
    """The model alone, in float32."""
    model = Llama(Config(**content["config"]))
    model.load_state_dict({name: tensor.float() for name, tensor in content["model"].items()})
    return model.eval()
