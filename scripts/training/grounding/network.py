"""The network: MiniLM with low-rank updates, a head for the pair and one for the claim's words."""

import json
import math
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

RANK = 32
FIXED = 1
"""Layers, from the first, that are not trained."""
MATRICES = (
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "intermediate.dense",
    "output.dense",
)


class LowRank(nn.Module):
    """A fixed linear layer plus a trained update of rank RANK (LoRA, Hu et al. 2021)."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        # What never changes is stored as it is multiplied.
        self.register_buffer("weight", weight.bfloat16())
        self.register_buffer("bias", bias.bfloat16())
        self.down = nn.Parameter(torch.randn(RANK, weight.shape[1]) / math.sqrt(weight.shape[1]))
        self.up = nn.Parameter(torch.zeros(weight.shape[0], RANK))

    def forward(self, x: Tensor) -> Tensor:
        low = nn.functional.linear(nn.functional.linear(x, self.down), self.up)
        return nn.functional.linear(x, self.weight, self.bias) + low


class Grounder(nn.Module):
    """Reads claim and evidence as one sequence; segment 0 is [CLS] claim [SEP]."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        table = load_file(folder / "model.safetensors")
        config = json.loads((folder / "config.json").read_text("utf-8"))
        self.heads = config["num_attention_heads"]
        self.epsilon = config["layer_norm_eps"]
        self.depth = config["num_hidden_layers"]
        self.table = {k: v.float() for k, v in table.items() if "position_ids" not in k}
        self.linear = nn.ModuleDict()
        for i in range(FIXED, self.depth):
            for name in MATRICES:
                key = f"encoder.layer.{i}.{name}"
                self.linear[key.replace(".", "/")] = LowRank(
                    self.table[f"{key}.weight"], self.table[f"{key}.bias"]
                )
        size = config["hidden_size"]
        self.head = nn.Linear(3 * size, 1)
        self.tokens = nn.Linear(size, 1)
        self.dropout = nn.Dropout(0.1)

    def forward(self, ids: Tensor, types: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return the pair's logit [batch] and each token's [batch, sequence]: 1 is unsupported."""
        t = self.table
        with torch.no_grad():
            x = (
                t["embeddings.word_embeddings.weight"][ids]
                + t["embeddings.position_embeddings.weight"][: ids.shape[1]]
                + t["embeddings.token_type_embeddings.weight"][types]
            )
            x = self._norm(x, "embeddings.LayerNorm")
            for i in range(FIXED):
                x = self._layer(x, mask, f"encoder.layer.{i}")
        for i in range(FIXED, self.depth):
            x = self._layer(x, mask, f"encoder.layer.{i}")
        of_claim = (mask & (types == 0))[:, :, None]
        mean = (x * of_claim).sum(1) / of_claim.sum(1)
        most = x.masked_fill(~of_claim, -1e4).amax(1)
        pooled = torch.cat([x[:, 0], mean, most], dim=1)
        return self.head(self.dropout(pooled))[:, 0], self.tokens(self.dropout(x))[:, :, 0]

    def _layer(self, x: Tensor, mask: Tensor, key: str) -> Tensor:
        b, s, h = x.shape
        q, k, v = (
            self._linear(f"{key}.attention.self.{name}", x)
            .view(b, s, self.heads, h // self.heads)
            .transpose(1, 2)
            for name in ("query", "key", "value")
        )
        # Written out: on a processor that takes half of the time of the library's kernel.
        likeness = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
        likeness = likeness.masked_fill(~mask[:, None, None, :], -1e4)
        a = torch.softmax(likeness, -1, dtype=likeness.dtype) @ v
        a = self._linear(f"{key}.attention.output.dense", a.transpose(1, 2).reshape(b, s, h))
        x = self._norm(x + a, f"{key}.attention.output.LayerNorm")
        f = nn.functional.gelu(self._linear(f"{key}.intermediate.dense", x))
        f = self._linear(f"{key}.output.dense", f)
        return self._norm(x + f, f"{key}.output.LayerNorm")

    def _linear(self, key: str, x: Tensor) -> Tensor:
        name = key.replace(".", "/")
        if name in self.linear:
            return self.linear[name](x)
        return nn.functional.linear(x, self.table[f"{key}.weight"], self.table[f"{key}.bias"])

    def _norm(self, x: Tensor, key: str) -> Tensor:
        weight, bias = self.table[f"{key}.weight"], self.table[f"{key}.bias"]
        return nn.functional.layer_norm(x, x.shape[-1:], weight, bias, self.epsilon)

    def restore(self, weights: dict[str, Tensor]) -> None:
        """Take up what `weights` returned."""
        with torch.no_grad():
            for name, parameter in self._named().items():
                parameter.copy_(weights[name])

    def weights(self) -> dict[str, Tensor]:
        """Return what was trained, in half precision."""
        return {name: p.detach().half().contiguous() for name, p in self._named().items()}

    def _named(self) -> dict[str, nn.Parameter]:
        found = {
            "head.weight": self.head.weight,
            "head.bias": self.head.bias,
            "tokens.weight": self.tokens.weight,
            "tokens.bias": self.tokens.bias,
        }
        for key, layer in self.linear.items():
            found[f"{key.replace('/', '.')}.down"] = layer.down
            found[f"{key.replace('/', '.')}.up"] = layer.up
        return found
