"""A cross-encoder on MiniLM or MPNet that learns by low-rank updates (LoRA, Hu et al. 2021)."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Encoding
from torch import Tensor, nn

from nsllm.models import mpnet
from nsllm.models.bert import read_shape, read_weights

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
        # What never changes is stored as it is multiplied.
        self.register_buffer("weight", weight.bfloat16())
        self.register_buffer("bias", bias.bfloat16())
        self.down = nn.Parameter(torch.randn(rank, weight.shape[1]) / math.sqrt(weight.shape[1]))
        self.up = nn.Parameter(torch.zeros(weight.shape[0], rank))

    def forward(self, x: Tensor) -> Tensor:
        low = nn.functional.linear(nn.functional.linear(x, self.down), self.up)
        return nn.functional.linear(x, self.weight, self.bias) + low


class Fixed(nn.Module):
    """A linear layer that learns nothing."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", weight.bfloat16())
        self.register_buffer("bias", bias.bfloat16())

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x, self.weight, self.bias)


class CrossEncoder(nn.Module):
    """An encoder with low-rank updates; one logit from the mean of the last hidden states.

    `layers`: how many of the base's are used; the last of a sentence embedder may make its tokens
    too much alike to tell them apart. The first `fixed` of them learn nothing. `half`: what goes
    from layer to layer is bfloat16, which is faster.
    """

    def __init__(
        self,
        folder: Path,
        rank: int = 16,
        *,
        layers: int | None = None,
        fixed: int = 0,
        half: bool = False,
    ) -> None:
        super().__init__()
        shape = read_shape(folder)
        self.heads = shape.num_attention_heads
        self.epsilon = shape.layer_norm_eps
        self._layers = shape.num_hidden_layers
        self.depth = layers or self._layers
        self.fixed = fixed
        self.half = half
        weights = read_weights(folder)
        self.table = {name: torch.from_numpy(array) for name, array in weights.items()}
        self.linear = nn.ModuleDict()
        for i in range(self.depth):
            for name in MATRICES:
                key = f"encoder.layer.{i}.{name}"
                weight, bias = self.table[f"{key}.weight"], self.table[f"{key}.bias"]
                self.linear[key.replace(".", "/")] = (
                    Fixed(weight, bias) if i < fixed else LowRank(weight, bias, rank)
                )
        self.head = nn.Linear(shape.hidden_size, 1)
        self.dropout = nn.Dropout(0.1)
        self._distances: dict[int, Tensor] = {}

    def forward(self, ids: Tensor, types: Tensor, mask: Tensor) -> Tensor:
        return self.head(self.dropout(self.mean(ids, types, mask)))[:, 0]

    def mean(self, ids: Tensor, types: Tensor, mask: Tensor) -> Tensor:
        """Return the mean of the last hidden states: [batch, hidden]."""
        weight = mask[:, :, None].float()
        return (self.states(ids, types, mask) * weight).sum(1) / weight.sum(1)

    def states(self, ids: Tensor, types: Tensor, mask: Tensor) -> Tensor:
        """Return the last hidden states: [batch, sequence, hidden]."""
        t = self.table
        x = (
            t["embeddings.word_embeddings.weight"][ids]
            + t["embeddings.position_embeddings.weight"][: ids.shape[1]]
            + t["embeddings.token_type_embeddings.weight"][types]
        )
        x = self._norm(x, "embeddings.LayerNorm")
        if self.half:
            x = x.bfloat16()
        distances = self._distance_bias(ids.shape[1])
        for i in range(self.depth):
            if i == self.fixed:
                x = self.dropout(x)
            x = self._layer(x, mask, distances, f"encoder.layer.{i}")
        return x

    def _distance_bias(self, length: int) -> Tensor | None:
        """Return what MPNet adds to likenesses, [1, heads, length, length]; BERT adds none."""
        table = self.table.get(mpnet.DISTANCES)
        if table is None:
            return None
        if length not in self._distances:
            buckets = torch.from_numpy(mpnet.distance_buckets(length, len(table)))
            self._distances[length] = table[buckets].permute(2, 0, 1)[None].bfloat16()
        return self._distances[length]

    def _layer(self, x: Tensor, mask: Tensor, distances: Tensor | None, key: str) -> Tensor:
        b, s, h = x.shape
        q, k, v = (
            self._linear(f"{key}.attention.self.{name}", x)
            .view(b, s, self.heads, h // self.heads)
            .transpose(1, 2)
            for name in ("query", "key", "value")
        )
        # Written out: on a processor that takes half of the time of the library's kernel.
        likeness = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
        if distances is not None:
            likeness = likeness + distances
        likeness = likeness.masked_fill(~mask[:, None, None, :], -1e4)
        a = torch.softmax(likeness, -1, dtype=likeness.dtype) @ v
        a = self._linear(f"{key}.attention.output.dense", a.transpose(1, 2).reshape(b, s, h))
        x = self._norm(x + a, f"{key}.attention.output.LayerNorm")
        f = nn.functional.gelu(self._linear(f"{key}.intermediate.dense", x))
        f = self._linear(f"{key}.output.dense", f)
        return self._norm(x + f, f"{key}.output.LayerNorm")

    def _linear(self, key: str, x: Tensor) -> Tensor:
        return self.linear[key.replace(".", "/")](x)

    def _norm(self, x: Tensor, key: str) -> Tensor:
        weight, bias = (self.table[f"{key}.{part}"].to(x.dtype) for part in ("weight", "bias"))
        return nn.functional.layer_norm(x, x.shape[-1:], weight, bias, self.epsilon)

    def _trained(self) -> list[tuple[str, LowRank]]:
        return [(key, part) for key, part in self.linear.items() if isinstance(part, LowRank)]

    def restore(self, weights: dict[str, Tensor]) -> None:
        """Take up what `weights` returned."""
        with torch.no_grad():
            self.head.weight.copy_(weights["head.weight"])
            self.head.bias.copy_(weights["head.bias"])
            for key, layer in self._trained():
                down = weights[f"{key.replace('/', '.')}.down"]
                # What was trained at a lower rank fills the first rows; the rest begins afresh.
                layer.down[: len(down)] = down
                layer.up[:, : len(down)] = weights[f"{key.replace('/', '.')}.up"]

    def weights(self) -> dict[str, Tensor]:
        """Return what was trained, in half precision."""
        found = {"head.weight": self.head.weight, "head.bias": self.head.bias}
        if self.depth < self._layers:
            found["layers"] = torch.tensor([float(self.depth)])
        for key, layer in self._trained():
            found[f"{key.replace('/', '.')}.down"] = layer.down
            found[f"{key.replace('/', '.')}.up"] = layer.up
        return {name: value.detach().half().contiguous() for name, value in found.items()}


class TokenMarker(CrossEncoder):
    """Gives a sequence one logit, and each of its tokens one."""

    def __init__(self, folder: Path, rank: int = 16, **options: Any) -> None:
        super().__init__(folder, rank, **options)
        self.tokens = nn.Linear(self.head.in_features, 1)

    def forward(self, ids: Tensor, types: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        x = self.states(ids, types, mask)
        weight = mask[:, :, None].float()
        mean = (x * weight).sum(1) / weight.sum(1)
        return self.head(self.dropout(mean))[:, 0], self.tokens(self.dropout(x))[:, :, 0]

    def restore(self, weights: dict[str, Tensor]) -> None:
        super().restore(weights)
        with torch.no_grad():
            self.tokens.weight.copy_(weights.get("tokens.weight", weights["head.weight"]))
            self.tokens.bias.copy_(weights.get("tokens.bias", weights["head.bias"]))

    def weights(self) -> dict[str, Tensor]:
        heads = {"tokens.weight": self.tokens.weight, "tokens.bias": self.tokens.bias}
        own = {name: value.detach().half().contiguous() for name, value in heads.items()}
        return {**super().weights(), **own}

    def mark(
        self, coded: Sequence[Encoding], spans: Sequence[Sequence[tuple[int, int]]], segment: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the logits of the sequences and of all spans, and which of these were read.

        `spans` are those of each sequence, in order, in the text of its `segment`; the logit of
        one is the mean of its tokens'.
        """
        ids = torch.tensor([code.ids for code in coded])
        types = torch.tensor([code.type_ids for code in coded])
        mask = torch.tensor([code.attention_mask for code in coded], dtype=torch.bool)
        owner = torch.full(ids.shape, -1, dtype=torch.long)
        before = 0
        for i, (code, own) in enumerate(zip(coded, spans, strict=True)):
            at = 0
            for j, (number, (start, end)) in enumerate(
                zip(code.sequence_ids, code.offsets, strict=True)
            ):
                if number != segment or start == end:
                    continue
                while at < len(own) and start >= own[at][1]:
                    at += 1
                if at < len(own) and start >= own[at][0]:
                    owner[i, j] = before + at
            before += len(own)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            whole, tokens = self(ids, types, mask)
        inside = owner >= 0
        total = torch.zeros(before).index_add(0, owner[inside], tokens[inside].float())
        count = torch.zeros(before).index_add(0, owner[inside], torch.ones(int(inside.sum())))
        return whole.float(), total / count.clamp(min=1), count > 0
