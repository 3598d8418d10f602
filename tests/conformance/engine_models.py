"""Checkpoints with the shapes that published measurements were made on: headers as the makers wrote them, holes for data."""
import json
import os
import struct

BYTES = {"BF16": 2, "F16": 2, "F32": 4, "I32": 4, "U32": 4, "U8": 1, "F8_E4M3": 1}


class Checkpoint:
    """Tensors in order; linear() is where a quantisation has its say."""

    def __init__(self, config, packing=None, head_packed=False):
        self.config, self.packing, self.head_packed, self.tensors = dict(config), packing, head_packed, []
        self.config.update(PACKINGS[packing][1] if packing else {})

    def add(self, name, shape, dtype="BF16"):
        self.tensors.append((name, dtype, shape))

    def linear(self, name, out, into, bias=False, packed=True):
        if self.packing and packed:
            PACKINGS[self.packing][0](self, name, out, into)
        else:
            self.add(name + ".weight", [out, into])
        if bias:
            self.add(name + ".bias", [out])

    def write(self, folder):
        os.makedirs(folder, exist_ok=True)
        header, end = {}, 0
        for name, dtype, shape in self.tensors:
            size = BYTES[dtype]
            for length in shape:
                size *= length
            header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + size]}
            end += size
        text = json.dumps(header, separators=(",", ":")).encode()
        with open(os.path.join(folder, "model.safetensors"), "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            file.truncate(8 + len(text) + end)
        with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as file:
            json.dump(self.config, file)


def fp8_rows(c, name, out, into):
    c.add(name + ".weight", [out, into], "F8_E4M3")
    c.add(name + ".weight_scale", [out, 1])


def fp8_blocks(c, name, out, into):
    c.add(name + ".weight", [out, into], "F8_E4M3")
    c.add(name + ".weight_scale_inv", [-(-out // 128), -(-into // 128)], "F32")


def awq(c, name, out, into):
    c.add(name + ".qweight", [into, out // 8], "I32")
    c.add(name + ".qzeros", [into // 128, out // 8], "I32")
    c.add(name + ".scales", [into // 128, out], "F16")


def gptq8(c, name, out, into):
    c.add(name + ".qweight", [into // 4, out], "I32")
    c.add(name + ".qzeros", [into // 128, out // 4], "I32")
    c.add(name + ".scales", [into // 128, out], "F16")
    c.add(name + ".g_idx", [into], "I32")


def mlx(bits):
    def pack(c, name, out, into):
        c.add(name + ".weight", [out, into * bits // 32], "U32")
        c.add(name + ".scales", [out, into // 64])
        c.add(name + ".biases", [out, into // 64])
    return pack


PACKINGS = {
    "fp8-rows": (fp8_rows, {"quantization_config": {"quant_method": "compressed-tensors", "format": "float-quantized"}}),
    "fp8-blocks": (fp8_blocks, {"quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]}}),
    "awq": (awq, {"quantization_config": {"quant_method": "awq", "bits": 4, "group_size": 128}}),
    "gptq8": (gptq8, {"quantization_config": {"quant_method": "gptq", "bits": 8, "group_size": 128}}),
    "mlx4": (mlx(4), {"quantization": {"bits": 4, "group_size": 64}}),
    "mlx8": (mlx(8), {"quantization": {"bits": 8, "group_size": 64}}),
}


def vocabulary(c, vocab, width, tied, stored_head=False, prefix="model."):
    everything = c.packing in ("mlx4", "mlx8")  # MLX packs embeddings and head as well
    c.linear(prefix + "embed_tokens", vocab, width, packed=everything)
    c.add(prefix + "norm.weight", [width])
    if not tied or stored_head:
        c.linear("lm_head", vocab, width, packed=everything)


def attention(c, p, width, heads, kv_heads, head, bias=False, norms=False):
    c.linear(p + "self_attn.q_proj", heads * head, width, bias)
    c.linear(p + "self_attn.k_proj", kv_heads * head, width, bias)
    c.linear(p + "self_attn.v_proj", kv_heads * head, width, bias)
    c.linear(p + "self_attn.o_proj", width, heads * head)
    if norms:
        c.add(p + "self_attn.q_norm.weight", [head])
        c.add(p + "self_attn.k_norm.weight", [head])


def mlp(c, p, width, inner):
    c.linear(p + "gate_proj", inner, width)
    c.linear(p + "up_proj", inner, width)
    c.linear(p + "down_proj", width, inner)


def layer_norms(c, p, width):
    c.add(p + "input_layernorm.weight", [width])
    c.add(p + "post_attention_layernorm.weight", [width])


def config(name, layers, width, inner, heads, kv_heads, head, vocab, positions, tied, **more):
    return {"architectures": [name + "ForCausalLM"], "model_type": name.lower(), "num_hidden_layers": layers,
            "hidden_size": width, "intermediate_size": inner, "num_attention_heads": heads,
            "num_key_value_heads": kv_heads, "head_dim": head, "vocab_size": vocab,
            "max_position_embeddings": positions, "tie_word_embeddings": tied, "torch_dtype": "bfloat16", **more}


def dense(name, layers, width, inner, heads, kv_heads, head, vocab, positions, tied=False, stored_head=False,
          packing=None):
    c = Checkpoint(config(name, layers, width, inner, heads, kv_heads, head, vocab, positions, tied), packing)
    vocabulary(c, vocab, width, tied, stored_head)
    for i in range(layers):
        p = f"model.layers.{i}."
        layer_norms(c, p, width)
        attention(c, p, width, heads, kv_heads, head, bias=name == "Qwen2", norms=name == "Qwen3")
        mlp(c, p + "mlp.", width, inner)
    return c


def qwen3_moe(layers, width, inner, heads, kv_heads, packing=None):
    c = Checkpoint({**config("Qwen3Moe", layers, width, inner, heads, kv_heads, 128, 151936, 262144, False),
                    "model_type": "qwen3_moe", "num_experts": 128, "num_experts_per_tok": 8,
                    "moe_intermediate_size": inner}, packing)
    vocabulary(c, 151936, width, False)
    for i in range(layers):
        p = f"model.layers.{i}."
        layer_norms(c, p, width)
        attention(c, p, width, heads, kv_heads, 128, norms=True)
        c.linear(p + "mlp.gate", 128, width, packed=False)
        if packing in ("mlx4", "mlx8"):  # stacked
            for part, out, into in (("gate_proj", inner, width), ("up_proj", inner, width), ("down_proj", width, inner)):
                bits = int(packing[-1])
                c.add(f"{p}mlp.switch_mlp.{part}.weight", [128, out, into * bits // 32], "U32")
                c.add(f"{p}mlp.switch_mlp.{part}.scales", [128, out, into // 64])
                c.add(f"{p}mlp.switch_mlp.{part}.biases", [128, out, into // 64])
            continue
        for expert in range(128):
            mlp(c, f"{p}mlp.experts.{expert}.", width, inner)
    return c


def gpt_oss(layers, experts):
    width, heads, kv_heads, head, vocab = 2880, 64, 8, 64, 201088
    kinds = ["full_attention" if i % 2 else "sliding_attention" for i in range(layers)]
    c = Checkpoint({**config("GptOss", layers, width, width, heads, kv_heads, head, vocab, 131072, False),
                    "model_type": "gpt_oss", "num_local_experts": experts, "num_experts_per_tok": 4,
                    "sliding_window": 128, "layer_types": kinds,
                    "quantization_config": {"quant_method": "mxfp4"}})
    vocabulary(c, vocab, width, False)
    for i in range(layers):
        p = f"model.layers.{i}."
        layer_norms(c, p, width)
        attention(c, p, width, heads, kv_heads, head, bias=True)
        c.add(p + "self_attn.o_proj.bias", [width])
        c.add(p + "self_attn.sinks", [heads])
        c.linear(p + "mlp.router", experts, width, bias=True)
        for part, out in (("gate_up_proj", 2 * width), ("down_proj", width)):
            c.add(f"{p}mlp.experts.{part}_blocks", [experts, out, 90, 16], "U8")
            c.add(f"{p}mlp.experts.{part}_scales", [experts, out, 90], "U8")
            c.add(f"{p}mlp.experts.{part}_bias", [experts, out])
    return c


def deepseek(layers, heads, vocab, experts, dense_layers, prediction, packing):
    width, inner, expert, rank, q_rank, nope, rope = 7168, 18432, 2048, 512, 1536, 128, 64
    c = Checkpoint({**config("DeepseekV3", layers, width, inner, heads, heads, nope, vocab, 163840, False),
                    "model_type": "deepseek_v3", "kv_lora_rank": rank, "q_lora_rank": q_rank,
                    "qk_nope_head_dim": nope, "qk_rope_head_dim": rope, "v_head_dim": nope,
                    "n_routed_experts": experts, "num_experts_per_tok": 8, "n_shared_experts": 1,
                    "moe_intermediate_size": expert, "first_k_dense_replace": dense_layers,
                    "num_nextn_predict_layers": prediction}, packing)
    del c.config["head_dim"]
    vocabulary(c, vocab, width, False)
    for i in range(layers + prediction):
        p = f"model.layers.{i}."
        layer_norms(c, p, width)
        c.linear(p + "self_attn.q_a_proj", q_rank, width)
        c.add(p + "self_attn.q_a_layernorm.weight", [q_rank])
        c.linear(p + "self_attn.q_b_proj", heads * (nope + rope), q_rank)
        c.linear(p + "self_attn.kv_a_proj_with_mqa", rank + rope, width)
        c.add(p + "self_attn.kv_a_layernorm.weight", [rank])
        c.linear(p + "self_attn.kv_b_proj", heads * 2 * nope, rank)
        c.linear(p + "self_attn.o_proj", width, heads * nope)
        if i < dense_layers:
            mlp(c, p + "mlp.", width, inner)
            continue
        c.linear(p + "mlp.gate", experts, width, packed=False)
        c.add(p + "mlp.gate.e_score_correction_bias", [experts], "F32")
        mlp(c, p + "mlp.shared_experts.", width, expert)
        for number in range(experts):
            mlp(c, f"{p}mlp.experts.{number}.", width, expert)
        if i >= layers:
            for name in ("enorm", "hnorm", "shared_head.norm"):
                c.add(f"{p}{name}.weight", [width])
            c.linear(p + "eh_proj", width, 2 * width, packed=False)
            c.linear(p + "embed_tokens", vocab, width, packed=False)
            c.linear(p + "shared_head.head", vocab, width, packed=False)
    return c


def latent_cache(layers, heads, vocab):
    """What a pool goes by alone: the shape of a latent attention, with a dense feed-forward part."""
    return deepseek(layers, heads, vocab, 8, layers, 0, None)


def qwen_hybrid(layers, kv_heads, values, width, vocab):
    """Every fourth layer attends, the others are gated delta nets; a small feed-forward part, for what a pool goes by."""
    kinds = ["full_attention" if i % 4 == 3 else "linear_attention" for i in range(layers)]
    text = {"model_type": "qwen3_5_text", "hidden_size": width, "num_hidden_layers": layers,
            "num_attention_heads": 16, "num_key_value_heads": kv_heads, "head_dim": 256,
            "linear_conv_kernel_dim": 4, "linear_key_head_dim": 128, "linear_value_head_dim": 128,
            "linear_num_key_heads": 16, "linear_num_value_heads": values, "layer_types": kinds,
            "full_attention_interval": 4, "intermediate_size": 512, "max_position_embeddings": 262144,
            "vocab_size": vocab}
    c = Checkpoint({"architectures": ["Qwen3_5ForConditionalGeneration"], "model_type": "qwen3_5", "text_config": text})
    vocabulary(c, vocab, width, False, prefix="model.language_model.")
    for i, kind in enumerate(kinds):
        p = f"model.language_model.layers.{i}."
        layer_norms(c, p, width)
        mlp(c, p + "mlp.", width, 512)
        if kind == "full_attention":
            c.linear(p + "self_attn.q_proj", 2 * 16 * 256, width)
            c.linear(p + "self_attn.k_proj", kv_heads * 256, width)
            c.linear(p + "self_attn.v_proj", kv_heads * 256, width)
            c.linear(p + "self_attn.o_proj", width, 16 * 256)
            continue
        mixed = 2 * 16 * 128 + values * 128
        c.linear(p + "linear_attn.in_proj_qkv", mixed, width)
        c.linear(p + "linear_attn.in_proj_z", values * 128, width)
        c.linear(p + "linear_attn.in_proj_a", values, width)
        c.linear(p + "linear_attn.in_proj_b", values, width)
        c.add(p + "linear_attn.conv1d.weight", [mixed, 1, 4])
        c.add(p + "linear_attn.dt_bias", [values])
        c.add(p + "linear_attn.A_log", [values], "F32")
        c.add(p + "linear_attn.norm.weight", [128], "F32")
        c.linear(p + "linear_attn.out_proj", width, values * 128)
    return c


def gemma4_26b():
    width = 2816
    kinds = ["full_attention" if i % 6 == 5 else "sliding_attention" for i in range(30)]
    text = {"model_type": "gemma4_text", "attention_k_eq_v": True, "enable_moe_block": True, "global_head_dim": 512,
            "head_dim": 256, "hidden_size": width, "intermediate_size": 2112, "layer_types": kinds,
            "max_position_embeddings": 262144, "moe_intermediate_size": 704, "num_attention_heads": 16,
            "num_experts": 128, "num_global_key_value_heads": 2, "num_hidden_layers": 30, "num_key_value_heads": 8,
            "num_kv_shared_layers": 0, "sliding_window": 1024, "top_k_experts": 8, "vocab_size": 262144,
            "tie_word_embeddings": True}
    c = Checkpoint({"architectures": ["Gemma4ForConditionalGeneration"], "model_type": "gemma4",
                    "tie_word_embeddings": True, "text_config": text})
    vocabulary(c, 262144, width, True, prefix="model.language_model.")
    for i, kind in enumerate(kinds):
        p = f"model.language_model.layers.{i}."
        full = kind == "full_attention"
        for name in ("input_layernorm", "post_attention_layernorm", "post_feedforward_layernorm",
                     "pre_feedforward_layernorm"):
            c.add(f"{p}{name}.weight", [width])
        mlp(c, p + "mlp.", width, 2112)
        head, kv_heads = (512, 2) if full else (256, 8)
        c.linear(p + "self_attn.q_proj", 16 * head, width)
        c.linear(p + "self_attn.k_proj", kv_heads * head, width)
        if not full:
            c.linear(p + "self_attn.v_proj", kv_heads * head, width)
        c.linear(p + "self_attn.o_proj", width, 16 * head)
        c.add(p + "experts.gate_up_proj", [128, 1408, width])
        c.add(p + "experts.down_proj", [128, width, 704])
        c.linear(p + "router.proj", 128, width)
    return c


QWEN2 = {"0.5b": (24, 896, 4864, 14, 2, 64, 151936), "7b": (28, 3584, 18944, 28, 4, 128, 152064),
         "14b": (48, 5120, 13824, 40, 8, 128, 152064), "32b": (64, 5120, 27648, 40, 8, 128, 152064)}


def qwen2(size, packing=None):
    return dense("Qwen2", *QWEN2[size], 32768, tied=size == "0.5b", packing=packing)


MODELS = {
    "Llama-3.1-8B": lambda: dense("Llama", 32, 4096, 14336, 32, 8, 128, 128256, 131072),
    "Llama-3-8B": lambda: dense("Llama", 32, 4096, 14336, 32, 8, 128, 128256, 8192),
    "Llama-3.3-70B-FP8-dynamic": lambda: dense("Llama", 80, 8192, 28672, 64, 8, 128, 128256, 131072, packing="fp8-rows"),
    "Mistral-7B 4 bit": lambda: dense("Mistral", 32, 4096, 14336, 32, 8, 128, 32000, 32768, packing="mlx4"),
    "Qwen2.5-0.5B": lambda: qwen2("0.5b"),
    "Qwen2.5-14B": lambda: qwen2("14b"),
    "Qwen2.5-32B": lambda: qwen2("32b"),
    "Qwen2.5-32B GPTQ-Int8": lambda: qwen2("32b", "gptq8"),
    "Qwen2.5-7B AWQ": lambda: qwen2("7b", "awq"),
    "Qwen3-0.6B": lambda: dense("Qwen3", 28, 1024, 3072, 16, 8, 128, 151936, 40960, True, stored_head=True),
    "Qwen3-4B-2507": lambda: dense("Qwen3", 36, 2560, 9728, 32, 8, 128, 151936, 262144, True),
    "Qwen3-4B-2507 8 bit": lambda: dense("Qwen3", 36, 2560, 9728, 32, 8, 128, 151936, 262144, True, packing="mlx8"),
    "Qwen3-4B-2507 4 bit": lambda: dense("Qwen3", 36, 2560, 9728, 32, 8, 128, 151936, 262144, True, packing="mlx4"),
    "Qwen3-8B": lambda: dense("Qwen3", 36, 4096, 12288, 32, 8, 128, 151936, 40960),
    "Qwen3-30B-A3B": lambda: qwen3_moe(48, 2048, 768, 32, 4),
    "Qwen3-30B-A3B 8 bit": lambda: qwen3_moe(48, 2048, 768, 32, 4, "mlx8"),
    "Qwen3-30B-A3B 4 bit": lambda: qwen3_moe(48, 2048, 768, 32, 4, "mlx4"),
    "Qwen3-Coder-30B-A3B-FP8": lambda: qwen3_moe(48, 2048, 768, 32, 4, "fp8-blocks"),
    "Qwen3-235B-A22B-FP8": lambda: qwen3_moe(94, 4096, 1536, 64, 4, "fp8-blocks"),
    "gpt-oss-20b": lambda: gpt_oss(24, 32),
    "gpt-oss-120b": lambda: gpt_oss(36, 128),
    "DeepSeek-R1": lambda: deepseek(61, 128, 129280, 256, 3, 1, "fp8-blocks"),
    "Kimi-K2's cache": lambda: latent_cache(61, 64, 163840),
    "Qwen3.5-9B's cache": lambda: qwen_hybrid(32, 4, 32, 4096, 248320),
    "Qwen3.6-35B-A3B's cache": lambda: qwen_hybrid(40, 2, 32, 2048, 248320),
    "Qwen3.8-27B's cache": lambda: qwen_hybrid(64, 4, 48, 5120, 248320),
    "gemma-4-26B-A4B": gemma4_26b,
}

# GiB of the files, where they are published.
FILE_GIB = {"Qwen3-0.6B": 1.400, "gpt-oss-20b": 12.82, "gpt-oss-120b": 60.77, "DeepSeek-R1": 641.3,
            "Llama-3.3-70B-FP8-dynamic": 67.68, "Qwen2.5-7B AWQ": 5.188}
