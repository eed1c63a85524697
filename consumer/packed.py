"""
DeBERTa-v2 sequence classification without padding: transformers' logits, from what consumer/packing.py packs.

It needs torch, and no transformers: training exports it to ONNX, which CPUs are served from, and GPUs run it as it is.

What it does otherwise than transformers:

1. A batch is one row of T tokens. Embedding, linear layers and layer norms never see padding; attention alone is laid
   out as a (B, S) grid, and back.
2. Query, key and value are one product, and 1 / sqrt(3 d) (with c2p and p2c; a 1 less for each that is not there) is
   folded into the query's weights (ahead of the product, as fp16 needs it: transformers#24116).
3. The relative embeddings go through the projections once, when the model is built.
4. Attention to positions uses the 2S - 1 distances that occur, looked up outside the graph, and picks its elements by
   a reshape and a slice (the skew of arXiv:1809.04281), not by a gather over (B, H, S, S) indices.
5. The last layer computes query, output and feed-forward for [CLS] alone.

Where there is a convolution (as in deberta-v2-xlarge), it reads the embeddings as a grid, absent tokens as zeros.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - as torch's own documentation imports it
from torch import Tensor, nn

from consumer.packing import Distances, Packed

C2P, P2C = "c2p", "p2c"  # content to position, position to content
# What transformers takes where a config.json is silent.
DEFAULTS: Mapping[str, Any] = {
    "relative_attention": False,
    "position_biased_input": True,
    "type_vocab_size": 0,
    "hidden_act": "gelu",
    "pooler_hidden_act": "gelu",
    "layer_norm_eps": 1e-7,
}
ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {"gelu": F.gelu, "relu": F.relu, "tanh": torch.tanh}


def refuse_uncovered(config: Mapping[str, Any]) -> None:
    """
    ValueError names what of a DeBERTa-v2 configuration this rewrite does not cover, and what to do.

    `config` is a config.json as transformers reads it: what it leaves out has transformers' default.
    """
    needed = {
        "relative_attention": True,
        "position_biased_input": False,
        "type_vocab_size": 0,
        "hidden_act": "gelu",
        "pooler_hidden_act": "gelu",
        "attention_head_size": config["hidden_size"] // config["num_attention_heads"],
    }
    wrong = [
        f"{name} is {value!r}, not {expected!r}"
        for name, expected in needed.items()
        if (value := config.get(name, DEFAULTS.get(name, expected))) != expected
    ]
    if config["hidden_size"] % config["num_attention_heads"]:
        wrong.append(f"num_attention_heads is {config['num_attention_heads']}, and hidden_size {config['hidden_size']}")
    if unknown := _scored_by(config) - {C2P, P2C}:
        wrong.append(f"pos_att_type has {', '.join(sorted(unknown))}, and {C2P} and {P2C} are known")
    if (kernel := config.get("conv_kernel_size", 0)) > 0:
        if kernel % 2 == 0:
            wrong.append(f"conv_kernel_size is {kernel}, not odd")
        if (act := config.get("conv_act", "tanh")) not in ACTIVATIONS:
            wrong.append(f"conv_act is {act!r}, and {', '.join(ACTIVATIONS)} are known")
    fewest = 2 if kernel > 0 else 1  # the convolution stands behind the first layer, which reads every token
    if config["num_hidden_layers"] < fewest:
        wrong.append(f"num_hidden_layers is {config['num_hidden_layers']}, not {fewest} or more")
    try:
        Distances.of(config)
    except ValueError as error:
        wrong.append(str(error))
    if wrong:
        raise ValueError(
            f"shikyu's packed model does not cover this configuration ({'; '.join(wrong)}); start from a DeBERTa-v3 "
            "checkpoint or from a configuration like it"
        )


def _scored_by(config: Mapping[str, Any]) -> set[str]:
    """Of positions, which are scored; a configuration of DeBERTa's authors has them as one text, "p2c|c2p"."""
    kinds = config.get("pos_att_type") or ()
    named = [each.strip() for each in kinds.lower().split("|")] if isinstance(kinds, str) else kinds
    return {each for each in named if each}


def skew(scores: Tensor) -> Tensor:
    """(B, H, S, 2S - 1) to (B, H, S, S), S at least 2: [i, j] of the result is [i, j - i + S - 1] of `scores`."""
    batch, heads, length, _ = scores.shape
    stride = 2 * length - 2  # one less than a row's, so that each row begins one further to the left
    tracing: bool = torch.jit.is_tracing()  # type: ignore[attr-defined,no-untyped-call]
    if not tracing:  # the same memory with other strides, and no copy, which ONNX has no operator for
        whole = scores.contiguous()
        begin = whole.storage_offset() + length - 1
        return whole.as_strided((batch, heads, length, length), (*whole.stride()[:2], stride, 1), begin)
    flat = scores.reshape(batch, heads, -1)[:, :, length - 1 : length - 1 + length * stride]
    return flat.reshape(batch, heads, length, stride)[..., :length]


class Weights:
    """A checkpoint's tensors, by transformers' names below `prefix`; modules made of them share their memory."""

    def __init__(self, tensors: Mapping[str, Tensor], config: Mapping[str, Any], prefix: str = "") -> None:
        self._tensors, self.config, self._prefix = tensors, config, prefix

    def below(self, name: str) -> "Weights":
        return Weights(self._tensors, self.config, f"{self._prefix}{name}.")

    def __getitem__(self, name: str) -> Tensor:
        return self._tensors[self._prefix + name]

    def pair(self, name: str, scale: float = 1.0) -> tuple[Tensor, Tensor]:
        """A linear layer's weight and bias, each times `scale`."""
        return self[f"{name}.weight"] * scale, self[f"{name}.bias"] * scale

    def linear(self, name: str) -> nn.Linear:
        return linear((self[f"{name}.weight"], self[f"{name}.bias"]))

    def norm(self, name: str = "LayerNorm") -> nn.LayerNorm:
        weight = self[f"{name}.weight"]
        layer = nn.LayerNorm(len(weight), eps=float({**DEFAULTS, **self.config}["layer_norm_eps"]), device="meta")
        layer.weight, layer.bias = _fixed(weight), _fixed(self[f"{name}.bias"])
        return layer


class PackedLayer(nn.Module):
    """One layer; `relative` (2 * span, hidden) are the normed relative embeddings. A table is None where unused."""

    position_key: Tensor | None
    position_query: Tensor | None

    def __init__(self, layer: Weights, relative: Tensor) -> None:
        super().__init__()
        config, attention = layer.config, layer.below("attention.self")
        self.heads, self.hidden = config["num_attention_heads"], config["hidden_size"]
        self.head_size = self.hidden // self.heads
        seen = _scored_by(config) & {C2P, P2C}
        scale = 1 / math.sqrt((1 + len(seen)) * self.head_size)
        query, key = attention.pair("query_proj", scale), attention.pair("key_proj")
        self.project(query, key, attention.pair("value_proj"))
        shared = config.get("share_att_key", False)
        by_key = key if shared or C2P not in seen else attention.pair("pos_key_proj")
        by_query = query if shared or P2C not in seen else attention.pair("pos_query_proj", scale)
        self.register_buffer("position_key", F.linear(relative, *by_key) if C2P in seen else None)
        self.register_buffer("position_query", F.linear(relative, *by_query) if P2C in seen else None)
        self.output, self.output_norm = layer.linear("attention.output.dense"), layer.norm("attention.output.LayerNorm")
        self.up, self.down = layer.linear("intermediate.dense"), layer.linear("output.dense")
        self.norm = layer.norm("output.LayerNorm")

    def project(self, query: tuple[Tensor, Tensor], key: tuple[Tensor, Tensor], value: tuple[Tensor, Tensor]) -> None:
        self.query_key_value = linear(query, key, value)

    def forward(self, x: Tensor, layout: Packed[Tensor]) -> Tensor:
        batch, width = layout.row_of_cell.shape
        grid = self.query_key_value(x).index_select(0, layout.row_of_cell.reshape(-1))
        query, key, value = self.split(grid, 3, batch, width)
        scores = query @ key.transpose(-1, -2) + layout.score_bias
        if self.position_key is not None:
            scores = scores + skew(query @ self.table(self.position_key, layout.position_rows))
        if self.position_query is not None:
            # Seen from the key, the distance runs the other way.
            from_key = key @ self.table(self.position_query, layout.position_rows.flip(0))
            scores = scores + skew(from_key).transpose(-1, -2)
        context = self.join(scores.softmax(-1) @ value)
        return self.feed_forward(context.index_select(0, layout.cell_of_row), x)

    def feed_forward(self, context: Tensor, x: Tensor) -> Tensor:
        x = self.output_norm(self.output(context) + x)
        y: Tensor = self.norm(self.down(F.gelu(self.up(x))) + x)
        return y

    def split(self, grid: Tensor, parts: int, batch: int, width: int) -> tuple[Tensor, ...]:
        """Each (B, H, S, d)."""
        return grid.view(batch, width, parts, self.heads, self.head_size).permute(2, 0, 3, 1, 4).unbind(0)

    def join(self, heads: Tensor) -> Tensor:
        return heads.permute(0, 2, 1, 3).reshape(-1, self.hidden)

    def table(self, positions: Tensor, rows: Tensor) -> Tensor:
        """(H, d, rows)"""
        return positions.index_select(0, rows).view(-1, self.heads, self.head_size).permute(1, 2, 0)


class FirstTokenLayer(PackedLayer):
    """The last layer, for each text's first token alone: of the others, only key and value are asked for."""

    def project(self, query: tuple[Tensor, Tensor], key: tuple[Tensor, Tensor], value: tuple[Tensor, Tensor]) -> None:
        self.query, self.key_value = linear(query), linear(key, value)

    def forward(self, x: Tensor, layout: Packed[Tensor]) -> Tensor:
        batch, width = layout.row_of_cell.shape
        grid = self.key_value(x).index_select(0, layout.row_of_cell.reshape(-1))
        key, value = self.split(grid, 2, batch, width)
        first = x.index_select(0, layout.first_rows)
        (query,) = self.split(self.query(first), 1, batch, 1)
        scores = query @ key.transpose(-1, -2) + layout.score_bias
        # The distances 0, -1, ... from the first token, the same for both sides.
        seen = layout.position_rows[width - 1 :]
        if self.position_key is not None:
            scores = scores + query @ self.table(self.position_key, seen)
        if self.position_query is not None:
            from_key = (key * self.table(self.position_query, seen).permute(0, 2, 1)).sum(-1)
            scores = scores + from_key.unsqueeze(2)
        context = self.join(scores.softmax(-1) @ value)
        return self.feed_forward(context, first)


class Convolution(nn.Module):
    """What the first layer gives, and of the embeddings what neighbours in a text say together."""

    def __init__(self, theirs: Weights) -> None:
        super().__init__()
        weight, config = theirs["conv.weight"], theirs.config
        groups, padding = config.get("conv_groups", 1), (weight.shape[-1] - 1) // 2
        hidden = config["hidden_size"]
        self.convolve = nn.Conv1d(hidden, hidden, weight.shape[-1], padding=padding, groups=groups, device="meta")
        self.convolve.weight, self.convolve.bias = _fixed(weight), _fixed(theirs["conv.bias"])
        self.norm, self.act = theirs.norm(), ACTIVATIONS[config.get("conv_act", "tanh")]

    def forward(self, embeddings: Tensor, x: Tensor, layout: Packed[Tensor]) -> Tensor:
        batch, width = layout.row_of_cell.shape
        present = (layout.score_bias == 0).to(x.dtype).reshape(batch, width, 1)
        grid = embeddings.index_select(0, layout.row_of_cell.reshape(-1)).view(batch, width, -1) * present
        seen = self.convolve(grid.permute(0, 2, 1)).permute(0, 2, 1).reshape(batch * width, -1)
        y: Tensor = self.norm(x + self.act(seen.index_select(0, layout.cell_of_row)))
        return y


def _fixed(tensor: Tensor) -> nn.Parameter:
    return nn.Parameter(tensor, requires_grad=False)


def linear(*parts: tuple[Tensor, Tensor]) -> nn.Linear:
    """One linear layer that gives the parts' (weight, bias) side by side; of one part, in its memory."""
    weight, bias = parts[0] if len(parts) == 1 else map(torch.cat, zip(*parts, strict=True))
    layer = nn.Linear(weight.shape[1], weight.shape[0], device="meta")
    layer.weight, layer.bias = _fixed(weight), _fixed(bias)
    return layer


class PackedDeberta(nn.Module):
    """
    Logits (B, labels) from consumer.packing.pack's arrays in their order, equal to transformers' within rounding.

    `tensors` and `config` are the checkpoint's, model.safetensors and config.json; memory is shared where it can be.
    ValueError when the configuration is not covered, KeyError when a tensor of it is not there.
    """

    @torch.no_grad()
    def __init__(self, tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> None:
        super().__init__()
        refuse_uncovered(config)
        every = Weights(tensors, config)
        embeddings, encoder = every.below("deberta.embeddings"), every.below("deberta.encoder")
        relative = encoder["rel_embeddings.weight"]
        if "layer_norm" in config.get("norm_rel_ebd", "none"):
            relative = encoder.norm()(relative)
        words = embeddings["word_embeddings.weight"]
        self.embeddings = nn.Embedding.from_pretrained(words)  # type: ignore[no-untyped-call]
        self.embeddings_projection: nn.Module = nn.Identity()
        if words.shape[1] != config["hidden_size"]:
            self.embeddings_projection = nn.Linear(words.shape[1], config["hidden_size"], bias=False, device="meta")
            self.embeddings_projection.weight = _fixed(embeddings["embed_proj.weight"])
        self.embeddings_norm = embeddings.norm()
        has_convolution = config.get("conv_kernel_size", 0) > 0
        self.convolution = Convolution(encoder.below("conv")) if has_convolution else None
        *early, last = (encoder.below(f"layer.{place}") for place in range(config["num_hidden_layers"]))
        self.layers = nn.ModuleList(PackedLayer(layer, relative) for layer in early)
        self.last = FirstTokenLayer(last, relative)
        self.pooler, self.classifier = every.linear("pooler.dense"), every.linear("classifier")
        self.train(mode=False)

    def forward(self, *arrays: Tensor) -> Tensor:
        layout = Packed(*arrays)
        embeddings = self.embeddings_norm(self.embeddings_projection(self.embeddings(layout.token_ids)))
        x = embeddings
        for place, layer in enumerate(self.layers):
            x = layer(x, layout)
            if place == 0 and self.convolution is not None:
                x = self.convolution(embeddings, x, layout)
        logits: Tensor = self.classifier(F.gelu(self.pooler(self.last(x, layout))))
        return logits
