// Times what is done with 91,000 tensors: reading the headers, then saying what the tensors are. Once for plain
// weights, once for weights in FP8 with a scale each.
//
//     bench_model_layers [RUNS]

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "formats/byte_source.h"
#include "src/model/experts.h"
#include "src/model/kind.h"
#include "src/model/model.h"
#include "src/model/naming/name_reader.h"
#include "src/model/packing/quantization.h"

namespace {

using namespace weigh::core;

constexpr int kLayers = 79, kShards = 163;

struct Form {
  const char* title;
  int experts;
  std::vector<const char*> ends;  // of one weight's tensors
  const char* dtype;
  std::uint64_t bytes;
};

void add(std::string& json, std::uint64_t& at, const std::string& name, const Form& form) {
  const bool scale = name.ends_with("_scale_inv");
  const std::uint64_t rows = scale ? 16 : 2048, columns = scale ? 56 : 7168;
  const std::uint64_t end = at + (scale ? 4 : form.bytes) * rows * columns;
  json += (json.size() > 1 ? ",\"" : "\"") + name + R"(":{"dtype":")" + (scale ? "F32" : form.dtype) +
          R"(","shape":[)" + std::to_string(rows) + ',' + std::to_string(columns) + R"(],"data_offsets":[)" +
          std::to_string(at) + ',' + std::to_string(end) + "]}";
  at = end;
}

std::vector<std::string> names(const Form& form) {
  std::vector<std::string> names;
  for (int layer = 0; layer < kLayers; ++layer) {
    const std::string block = "model.layers." + std::to_string(layer) + '.';
    for (const char* part : {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
                             "input_layernorm", "mlp.gate"}) {
      names.push_back(block + part + ".weight");
    }
    for (int expert = 0; expert < form.experts; ++expert) {
      for (const char* part : {"gate_proj", "up_proj", "down_proj"}) {
        for (const char* end : form.ends) {
          names.push_back(block + "mlp.experts." + std::to_string(expert) + '.' + part + end);
        }
      }
    }
  }
  return names;
}

// A shard's header, and how long the file would be.
struct Shard {
  std::vector<std::byte> head;
  std::uint64_t bytes;
};

std::vector<Shard> shards(const Form& form) {
  const auto all = names(form);
  const std::size_t each = (all.size() + kShards - 1) / kShards;
  std::vector<Shard> files;
  for (std::size_t first = 0; first < all.size(); first += each) {
    std::string json = "{";
    std::uint64_t at = 0;
    for (std::size_t i = first; i < std::min(first + each, all.size()); ++i) add(json, at, all[i], form);
    json += '}';
    const std::uint64_t length = json.size();
    std::vector<std::byte> head(8 + json.size());
    for (std::size_t i = 0; i < 8; ++i) head[i] = static_cast<std::byte>(length >> (8 * i));
    std::memcpy(head.data() + 8, json.data(), json.size());
    files.push_back({std::move(head), 8 + length + at});
  }
  return files;
}

double milliseconds(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

Checkpoint read(const std::vector<Shard>& files, const Form& form) {
  Checkpoint checkpoint;
  for (const Shard& shard : files) {
    MemorySource source(shard.head, shard.bytes);
    checkpoint.files.push_back(read_model_file(source, "model.safetensors"));
  }
  checkpoint.config = std::make_shared<const nlohmann::json>(
      nlohmann::json{{"model_type", "deepseek_v3"}, {"n_routed_experts", form.experts}, {"num_experts_per_tok", 8}});
  return checkpoint;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

void measure(const Form& form, int runs) {
  const auto files = shards(form);
  std::vector<double> reading, quantization, roles, experts, whole;
  std::size_t count = 0;
  for (int run = 0; run < runs; ++run) {
    Checkpoint checkpoint;
    reading.push_back(milliseconds([&] { checkpoint = read(files, form); }));
    std::vector<TensorFacts> facts = tensors_of(checkpoint);
    count = facts.size();
    std::vector<Finding> findings;
    ReadNames understood;
    quantization.push_back(milliseconds([&] { count_parameters(checkpoint, facts, findings); }));
    roles.push_back(milliseconds([&] { understood = read_names(facts, naming_of(checkpoint)); }));
    experts.push_back(milliseconds([&] { find_experts(checkpoint, understood, facts, findings); }));
    roles.back() += milliseconds([&] { assign_roles(understood, facts); });
    whole.push_back(milliseconds([&] { describe(std::move(checkpoint)); }));
  }
  std::printf("%s: %zu tensors in %d files, medians of %d runs\n", form.title, count, kShards, runs);
  std::printf("  reading the headers   %6.1f ms\n", median(reading));
  std::printf("  describing the model  %6.1f ms, of which\n", median(whole));
  std::printf("    quantisation        %6.1f ms\n", median(quantization));
  std::printf("    names and roles     %6.1f ms\n", median(roles));
  std::printf("    experts             %6.1f ms\n", median(experts));
}

}  // namespace

int main(int argc, char** argv) {
  const int runs = argc > 1 ? std::max(1, std::atoi(argv[1])) : 9;
  measure({"plain", 384, {".weight"}, "BF16", 2}, runs);
  measure({"quantised", 192, {".weight", ".weight_scale_inv"}, "F8_E4M3", 1}, runs);
  return 0;
}
