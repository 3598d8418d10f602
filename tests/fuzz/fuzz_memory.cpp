// A GGUF of any architecture whose keys say anything: the memory of its run. The input is the number of an architecture,
// then of each key its number and its value; an odd number makes an array of it.
#include "formats/error.h"
#include "src/memory/architectures.h"
#include "tests/fuzz/weigh_everywhere.h"

namespace {

using namespace weigh::core;

constexpr auto kKeys = std::to_array<std::string_view>({"block_count",
                                                        "context_length",
                                                        "embedding_length",
                                                        "feed_forward_length",
                                                        "expert_feed_forward_length",
                                                        "expert_shared_feed_forward_length",
                                                        "expert_count",
                                                        "expert_used_count",
                                                        "expert_shared_count",
                                                        "leading_dense_block_count",
                                                        "interleave_moe_layer_step",
                                                        "nextn_predict_layers",
                                                        "vocab_size",
                                                        "attention.head_count",
                                                        "attention.head_count_kv",
                                                        "attention.key_length",
                                                        "attention.value_length",
                                                        "attention.key_length_mla",
                                                        "attention.value_length_mla",
                                                        "attention.q_lora_rank",
                                                        "attention.kv_lora_rank",
                                                        "attention.sliding_window",
                                                        "attention.sliding_window_pattern",
                                                        "attention.indexer.head_count",
                                                        "attention.indexer.key_length",
                                                        "attention.indexer.top_k",
                                                        "attention.shared_kv_layers",
                                                        "rope.dimension_count",
                                                        "ssm.conv_kernel",
                                                        "ssm.inner_size",
                                                        "ssm.state_size",
                                                        "ssm.time_step_rank",
                                                        "ssm.group_count",
                                                        "wkv.head_size",
                                                        "token_shift_count",
                                                        "shortconv.l_cache",
                                                        "full_attention_interval",
                                                        "kda.head_dim",
                                                        "pooling_type",
                                                        "embedding_length_per_layer_input",
                                                        "decoder_block_count",
                                                        "time_mix_extra_dim",
                                                        "time_decay_extra_dim",
                                                        "attention.decay_lora_rank",
                                                        "attention.iclr_lora_rank",
                                                        "attention.value_residual_mix_lora_rank",
                                                        "attention.gate_lora_rank",
                                                        "rescale_every_n_layers",
                                                        "n_deepstack_layers"});

class FileBytes {
 public:
  template <typename T>
  void number(T value) {
    for (std::size_t i = 0; i < sizeof value; ++i)
      text += static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i));
  }
  void string(std::string_view value) {
    number<std::uint64_t>(value.size());
    text += value;
  }
  void tensor(std::string_view name, std::uint64_t columns, std::uint64_t rows) {
    string(name);
    number<std::uint32_t>(2);
    number<std::uint64_t>(columns);
    number<std::uint64_t>(rows);
    number<std::uint32_t>(1);  // F16
    number<std::uint64_t>(at);
    at += (columns * rows * 2 + 31) / 32 * 32;
  }

  std::string text;
  std::uint64_t at = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto rules = architecture_rules();
  // One number more than there are rows: an architecture that has none.
  const std::size_t number = data[0] % (rules.size() + 1);
  const std::string architecture(number == rules.size() ? "strange" : rules[number].name);
  FileBytes keys;
  std::uint64_t count = 1;
  keys.string("general.architecture");
  keys.number<std::uint32_t>(8);
  keys.string(architecture);
  std::array<bool, kKeys.size()> seen{};
  for (std::size_t i = 1; i + 9 <= size; i += 9) {
    const std::size_t key = data[i] / 2 % kKeys.size();
    if (std::exchange(seen[key], true)) continue;
    ++count;
    std::uint64_t value = 0;
    for (std::size_t k = 0; k < 8; ++k) value |= static_cast<std::uint64_t>(data[i + 1 + k]) << (8 * k);
    keys.string(architecture + '.' + std::string(kKeys[key]));
    if (data[i] % 2 != 0) {
      keys.number<std::uint32_t>(9);
      keys.number<std::uint32_t>(4);
      keys.number<std::uint64_t>(2);
    } else {
      keys.number<std::uint32_t>(10);
    }
    keys.number(value);
  }
  FileBytes tensors;
  tensors.tensor("token_embd.weight", 64, 32);
  tensors.tensor("output.weight", 64, 32);
  for (const char* block : {"blk.0.", "blk.1."}) {
    for (const char* name :
         {"attn_q.weight", "attn_k.weight", "attn_v.weight", "attn_output.weight", "ffn_up.weight", "ffn_down.weight",
          "ffn_gate_exps.weight", "ssm_in.weight", "shortconv.conv.weight", "nextn.eh_proj.weight"}) {
      tensors.tensor(block + std::string(name), 64, 64);
    }
  }
  FileBytes file;
  file.text = "GGUF";
  file.number<std::uint32_t>(3);
  file.number<std::uint64_t>(22);
  file.number<std::uint64_t>(count);
  file.text += keys.text + tensors.text;
  file.text.resize((file.text.size() + 31) / 32 * 32 + tensors.at, '\0');
  try {
    Checkpoint checkpoint;
    MemorySource source(std::as_bytes(std::span(file.text)));
    checkpoint.files.push_back(read_model_file(source, "fuzz.gguf"));
    checkpoint.file_paths.emplace_back("fuzz.gguf");
    weigh_everywhere(describe(std::move(checkpoint)));
  } catch (const Error&) {
  }
  return 0;
}
