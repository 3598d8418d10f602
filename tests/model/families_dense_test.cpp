// Published totals of dense, recurrent and hybrid models from their real shapes, in both formats.

#include <array>

#include "tests/catch.h"
#include "tests/model/families.h"

using namespace weigh::core;
using namespace weigh::core::test;
using namespace weigh::core::fixtures;

namespace {

using Shape = std::vector<std::uint64_t>;

// ---- Families with a form of their own ----

class Tensors {
 public:
  void add(const std::string& name, Shape shape) { specs_.push_back({name, Dtype::BF16, std::move(shape)}); }
  void linear(const std::string& name, std::uint64_t rows, std::uint64_t columns) {
    add(name + ".weight", {rows, columns});
    add(name + ".bias", {rows});
  }
  void norm(const std::string& name, std::uint64_t width) {
    add(name + ".weight", {width});
    add(name + ".bias", {width});
  }
  [[nodiscard]] const std::vector<TensorSpec>& specs() const { return specs_; }

 private:
  std::vector<TensorSpec> specs_;
};

std::string numbered(const char* before, std::uint64_t number) { return before + std::to_string(number) + '.'; }

Tensors falcon_7b() {
  constexpr std::uint64_t kWidth = 4544, kQkv = 73 * 64;
  Tensors t;
  t.add("transformer.word_embeddings.weight", {65024, kWidth});
  for (std::uint64_t layer = 0; layer < 32; ++layer) {
    const std::string block = numbered("transformer.h.", layer);
    t.norm(block + "input_layernorm", kWidth);
    t.add(block + "self_attention.query_key_value.weight", {kQkv, kWidth});
    t.add(block + "self_attention.dense.weight", {kWidth, kWidth});
    t.add(block + "mlp.dense_h_to_4h.weight", {4 * kWidth, kWidth});
    t.add(block + "mlp.dense_4h_to_h.weight", {kWidth, 4 * kWidth});
  }
  t.norm("transformer.ln_f", kWidth);
  return t;
}

Tensors bloom(std::uint64_t width, std::uint64_t layers) {
  Tensors t;
  t.add("word_embeddings.weight", {250880, width});
  t.norm("word_embeddings_layernorm", width);
  for (std::uint64_t layer = 0; layer < layers; ++layer) {
    const std::string block = numbered("h.", layer);
    t.norm(block + "input_layernorm", width);
    t.norm(block + "post_attention_layernorm", width);
    t.linear(block + "self_attention.query_key_value", 3 * width, width);
    t.linear(block + "self_attention.dense", width, width);
    t.linear(block + "mlp.dense_h_to_4h", 4 * width, width);
    t.linear(block + "mlp.dense_4h_to_h", width, 4 * width);
  }
  t.norm("ln_f", width);
  return t;
}

Tensors bloom_gguf(std::uint64_t width, std::uint64_t layers) {
  Tensors t;
  t.add("token_embd.weight", {250880, width});
  t.norm("token_embd_norm", width);
  for (std::uint64_t layer = 0; layer < layers; ++layer) {
    const std::string block = numbered("blk.", layer);
    t.norm(block + "attn_norm", width);
    t.norm(block + "ffn_norm", width);
    t.linear(block + "attn_qkv", 3 * width, width);
    t.linear(block + "attn_output", width, width);
    t.linear(block + "ffn_up", 4 * width, width);
    t.linear(block + "ffn_down", width, 4 * width);
  }
  t.norm("output_norm", width);
  return t;
}

Tensors gpt2() {
  constexpr std::uint64_t kWidth = 768;
  Tensors t;
  t.add("wte.weight", {50257, kWidth});
  t.add("wpe.weight", {1024, kWidth});
  for (std::uint64_t layer = 0; layer < 12; ++layer) {
    const std::string block = numbered("h.", layer);
    t.norm(block + "ln_1", kWidth);
    t.norm(block + "ln_2", kWidth);
    t.add(block + "attn.c_attn.weight", {kWidth, 3 * kWidth});
    t.add(block + "attn.c_attn.bias", {3 * kWidth});
    t.linear(block + "attn.c_proj", kWidth, kWidth);
    t.add(block + "mlp.c_fc.weight", {kWidth, 4 * kWidth});
    t.add(block + "mlp.c_fc.bias", {4 * kWidth});
    t.linear(block + "mlp.c_proj", kWidth, 4 * kWidth);
  }
  t.norm("ln_f", kWidth);
  return t;
}

Tensors bert_base() {
  constexpr std::uint64_t kWidth = 768;
  Tensors t;
  t.add("embeddings.word_embeddings.weight", {30522, kWidth});
  t.add("embeddings.position_embeddings.weight", {512, kWidth});
  t.add("embeddings.token_type_embeddings.weight", {2, kWidth});
  t.norm("embeddings.LayerNorm", kWidth);
  for (std::uint64_t layer = 0; layer < 12; ++layer) {
    const std::string block = numbered("encoder.layer.", layer);
    for (const char* part :
         {"attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"}) {
      t.linear(block + part, kWidth, kWidth);
    }
    t.norm(block + "attention.output.LayerNorm", kWidth);
    t.linear(block + "intermediate.dense", 4 * kWidth, kWidth);
    t.linear(block + "output.dense", kWidth, 4 * kWidth);
    t.norm(block + "output.LayerNorm", kWidth);
  }
  t.linear("pooler.dense", kWidth, kWidth);
  return t;
}

struct MambaNames {
  const char *embedding, *block, *norm, *in, *conv, *x, *dt, *a, *d, *out, *last;
};
constexpr MambaNames kMamba = {"backbone.embeddings.weight",
                               "backbone.layers.",
                               "norm.weight",
                               "mixer.in_proj.weight",
                               "mixer.conv1d",
                               "mixer.x_proj.weight",
                               "mixer.dt_proj",
                               "mixer.A_log",
                               "mixer.D",
                               "mixer.out_proj.weight",
                               "backbone.norm_f.weight"};
constexpr MambaNames kMambaGguf = {"token_embd.weight",
                                   "blk.",
                                   "attn_norm.weight",
                                   "ssm_in.weight",
                                   "ssm_conv1d",
                                   "ssm_x.weight",
                                   "ssm_dt",
                                   "ssm_a",
                                   "ssm_d",
                                   "ssm_out.weight",
                                   "output_norm.weight"};

Tensors mamba_130m(const MambaNames& names) {
  constexpr std::uint64_t kWidth = 768, kInner = 1536, kRank = 48, kState = 16;
  Tensors t;
  t.add(names.embedding, {50280, kWidth});
  for (std::uint64_t layer = 0; layer < 24; ++layer) {
    const std::string block = numbered(names.block, layer);
    t.add(block + names.norm, {kWidth});
    t.add(block + names.in, {2 * kInner, kWidth});
    t.add(block + names.conv + ".weight", {kInner, 1, 4});
    t.add(block + names.conv + ".bias", {kInner});
    t.add(block + names.x, {kRank + 2 * kState, kInner});
    t.linear(block + names.dt, kInner, kRank);
    t.add(block + names.a, {kInner, kState});
    t.add(block + names.d, {kInner});
    t.add(block + names.out, {kWidth, kInner});
  }
  t.add(names.last, {kWidth});
  return t;
}

// Mamba 2 in 36 layers, attention in four, experts in all.
Tensors granite_hybrid() {
  constexpr std::uint64_t kWidth = 1536, kInner = 3072, kState = 128, kHeads = 48, kExperts = 64, kExpert = 512;
  Tensors t;
  t.add("model.embed_tokens.weight", {100352, kWidth});
  for (std::uint64_t layer = 0; layer < 40; ++layer) {
    const std::string block = numbered("model.layers.", layer);
    t.add(block + "input_layernorm.weight", {kWidth});
    t.add(block + "post_attention_layernorm.weight", {kWidth});
    if (layer % 10 == 5) {
      t.add(block + "self_attn.q_proj.weight", {kWidth, kWidth});
      t.add(block + "self_attn.k_proj.weight", {512, kWidth});
      t.add(block + "self_attn.v_proj.weight", {512, kWidth});
      t.add(block + "self_attn.o_proj.weight", {kWidth, kWidth});
    } else {
      t.add(block + "mamba.in_proj.weight", {2 * kInner + 2 * kState + kHeads, kWidth});
      t.add(block + "mamba.conv1d.weight", {kInner + 2 * kState, 1, 4});
      t.add(block + "mamba.conv1d.bias", {kInner + 2 * kState});
      for (const char* part : {"mamba.A_log", "mamba.D", "mamba.dt_bias"}) t.add(block + part, {kHeads});
      t.add(block + "mamba.norm.weight", {kInner});
      t.add(block + "mamba.out_proj.weight", {kWidth, kInner});
    }
    t.add(block + "block_sparse_moe.router.layer.weight", {kExperts, kWidth});
    t.add(block + "block_sparse_moe.input_linear.weight", {kExperts, 2 * kExpert, kWidth});
    t.add(block + "block_sparse_moe.output_linear.weight", {kExperts, kWidth, kExpert});
    t.add(block + "shared_mlp.input_linear.weight", {2 * 1024, kWidth});
    t.add(block + "shared_mlp.output_linear.weight", {kWidth, 1024});
  }
  t.add("model.norm.weight", {kWidth});
  return t;
}

}  // namespace

TEST_CASE("dense models have their published totals, by the names of both formats") {
  for (const PublishedFamily& row : dense_families()) {
    CAPTURE(row.family.name);
    for (Checkpoint& checkpoint : std::array{as_safetensors(row.family), as_gguf(row.family)}) {
      const Model model = describe(std::move(checkpoint));
      CHECK(model.total_parameters == row.total);
      CHECK(model.active_parameters == row.total);
      CHECK_FALSE(model.experts);
      CHECK_FALSE(model.prediction);
      CHECK(model.architecture.layers == row.family.layers);
      CHECK(model.architecture.head_size_k == row.family.attention.size);
      CHECK(model.architecture.tied_embeddings == row.family.tied);
      const std::uint64_t table = row.family.vocabulary * row.family.width;
      CHECK(parameters_of(model, Role::TokenEmbedding) == table);
      CHECK(parameters_of(model, Role::OutputHead) == (row.family.tied ? 0 : table));
      CHECK(model.active_conventions->without_embedding_and_head == row.total - (row.family.tied ? 1 : 2) * table);
      CHECK(parameters_of(model, Role::DenseFfn) == 3 * row.family.layers * row.family.width * row.family.feed_forward);
      CHECK(parameters_of(model, Role::Other) == 0);
      CHECK(model.findings.empty());
      CHECK(model.kind.empty());
    }
  }
}

TEST_CASE("models of other forms have their published totals, and every tensor a role") {
  struct Row {
    std::string name;
    Tensors tensors;
    std::string_view config;
    std::uint64_t total;
    std::vector<Role> roles;  // that must be among them
    std::string_view kind = {};
  };
  const std::vector<Row> rows = {
      {"falcon-7b", falcon_7b(), "{}", 6'921'720'704, {Role::AttentionFused, Role::AttentionOutput, Role::DenseFfn}},
      {"bloom-560m", bloom(1024, 24), "{}", 559'214'592, {Role::AttentionFused, Role::DenseFfn, Role::Norm}},
      {"bloom-7b1", bloom(4096, 30), "{}", 7'069'016'064, {Role::AttentionFused, Role::DenseFfn, Role::Norm}},
      {"gpt2", gpt2(), "{}", 124'439'808, {Role::TokenEmbedding, Role::OtherEmbedding, Role::DenseFfn}},
      {"bert-base-uncased",
       bert_base(),
       R"({"architectures": ["BertModel"]})",
       109'482'240,
       {Role::AttentionK, Role::OutputHead, Role::OtherEmbedding},
       "embedding model"},
      {"mamba-130m", mamba_130m(kMamba), "{}", 129'135'360, {Role::StateSpace, Role::TokenEmbedding}},
      {"granite-4.0-h-tiny",
       granite_hybrid(),
       R"({"num_local_experts": 64, "num_experts_per_tok": 6, "shared_intermediate_size": 1024})",
       6'939'037'248,
       {Role::StateSpace, Role::AttentionQ, Role::RoutedExpert, Role::SharedExpert, Role::Router}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const Model model = describe(safetensors(row.tensors.specs(), row.config));
    CHECK(model.total_parameters == row.total);
    for (const Role role : row.roles) {
      CAPTURE(role_name(role));
      CHECK(parameters_of(model, role) > 0);
    }
    CHECK(parameters_of(model, Role::Other) == 0);
    CHECK(model.findings.empty());
    CHECK(model.kind == row.kind);
  }
  CHECK(describe(safetensors(granite_hybrid().specs(), R"({"num_experts_per_tok": 6})")).active_parameters ==
        1'465'470'528);
}

TEST_CASE("the same totals by GGUF names") {
  struct Row {
    std::string architecture;
    Tensors tensors;
    std::uint64_t total;
  };
  for (const Row& row :
       {Row{"bloom", bloom_gguf(4096, 30), 7'069'016'064}, Row{"mamba", mamba_130m(kMambaGguf), 129'135'360}}) {
    CAPTURE(row.architecture);
    const Model model = describe(gguf(row.tensors.specs(), {{"general.architecture", {}, row.architecture}}));
    CHECK(model.total_parameters == row.total);
    CHECK(parameters_of(model, Role::Other) == 0);
    CHECK(model.architecture.tied_embeddings == true);
  }
}
