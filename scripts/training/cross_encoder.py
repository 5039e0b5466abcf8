"""A cross-encoder on MiniLM that learns by low-rank updates (LoRA, Hu et al. 2021)."""

import json
import math
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

MATRICES = (
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "intermediate.dense",
    "output.dense",
)


class LowRank(nn.Module):
    """A fixed linear layer plus a trained update of low rank."""

    def __init__(self, weight: Tensor, bias: Tensor, rank: int) -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        self.register_buffer("bias", bias)
        self.down = nn.Parameter(torch.randn(rank, weight.shape[1]) / math.sqrt(weight.shape[1]))
        self.up = nn.Parameter(torch.zeros(weight.shape[0], rank))

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x, self.weight, self.bias) + (x @ self.down.T) @ self.up.T


class CrossEncoder(nn.Module):
    """MiniLM with low-rank updates; one logit from the mean of the last hidden states."""

    def __init__(self, folder: Path, rank: int = 16) -> None:
        super().__init__()
        table = load_file(folder / "model.safetensors")
        config = json.loads((folder / "config.json").read_text("utf-8"))
        self.heads = config["num_attention_heads"]
        self.epsilon = config["layer_norm_eps"]
        self.depth = config["num_hidden_layers"]
        self.table = {
            name: value.float() for name, value in table.items() if "position_ids" not in name
        }
        self.linear = nn.ModuleDict()
        for i in range(self.depth):
            for name in MATRICES:
                key = f"encoder.layer.{i}.{name}"
                self.linear[key.replace(".", "/")] = LowRank(
                    self.table[f"{key}.weight"], self.table[f"{key}.bias"], rank
                )
        self.head = nn.Linear(config["hidden_size"], 1)
        self.dropout = nn.Dropout(0.1)

    def forward(self, ids: Tensor, types: Tensor, mask: Tensor) -> Tensor:
        return self.head(self.dropout(self.mean(ids, types, mask)))[:, 0]

    def mean(self, ids: Tensor, types: Tensor, mask: Tensor) -> Tensor:
        """Return the mean of the last hidden states."""
        t = self.table
        x = (
            t["embeddings.word_embeddings.weight"][ids]
            + t["embeddings.position_embeddings.weight"][: ids.shape[1]]
            + t["embeddings.token_type_embeddings.weight"][types]
        )
        x = self.dropout(self._norm(x, "embeddings.LayerNorm"))
        for i in range(self.depth):
            x = self._layer(x, mask, f"encoder.layer.{i}")
        weight = mask[:, :, None].float()
        return (x * weight).sum(1) / weight.sum(1)

    def _layer(self, x: Tensor, mask: Tensor, key: str) -> Tensor:
        b, s, h = x.shape
        q, k, v = (
            self._linear(f"{key}.attention.self.{name}", x)
            .view(b, s, self.heads, h // self.heads)
            .transpose(1, 2)
            for name in ("query", "key", "value")
        )
        a = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None, None, :])
        a = self._linear(f"{key}.attention.output.dense", a.transpose(1, 2).reshape(b, s, h))
        x = self._norm(x + self.dropout(a), f"{key}.attention.output.LayerNorm")
        f = nn.functional.gelu(self._linear(f"{key}.intermediate.dense", x))
        f = self._linear(f"{key}.output.dense", f)
        return self._norm(x + self.dropout(f), f"{key}.output.LayerNorm")

    def _linear(self, key: str, x: Tensor) -> Tensor:
        return self.linear[key.replace(".", "/")](x)

    def _norm(self, x: Tensor, key: str) -> Tensor:
        weight, bias = self.table[f"{key}.weight"], self.table[f"{key}.bias"]
        return nn.functional.layer_norm(x, x.shape[-1:], weight, bias, self.epsilon)

    def restore(self, weights: dict[str, Tensor]) -> None:
        """Take up what `weights` returned."""
        with torch.no_grad():
            self.head.weight.copy_(weights["head.weight"])
            self.head.bias.copy_(weights["head.bias"])
            for key, layer in self.linear.items():
                down = weights[f"{key.replace('/', '.')}.down"]
                # What was trained at a lower rank fills the first rows; the rest begins afresh.
                layer.down[: len(down)] = down
                layer.up[:, : len(down)] = weights[f"{key.replace('/', '.')}.up"]

    def weights(self) -> dict[str, Tensor]:
        """Return what was trained, in half precision."""
        found = {"head.weight": self.head.weight, "head.bias": self.head.bias}
        for key, layer in self.linear.items():
            found[f"{key.replace('/', '.')}.down"] = layer.down
            found[f"{key.replace('/', '.')}.up"] = layer.up
        return {name: value.detach().half().contiguous() for name, value in found.items()}
