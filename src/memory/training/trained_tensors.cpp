#include "src/memory/training/trained_tensors.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

#include "formats/checked.h"

namespace weigh::core {

namespace {

constexpr auto kLinearRoles =
    std::to_array<Role>({Role::AttentionQ, Role::AttentionK, Role::AttentionV, Role::AttentionOutput,
                         Role::AttentionFused, Role::AttentionMla, Role::AttentionOther, Role::DenseFfn, Role::Router,
                         Role::RoutedExpert, Role::SharedExpert, Role::StateSpace});

bool is_of_language(Stack stack) { return stack == Stack::Main || stack == Stack::Encoder || stack == Stack::Decoder; }

bool is_tower(const TensorFacts& facts) {
  return facts.stack == Stack::Vision || facts.stack == Stack::Audio || facts.role == Role::Vision ||
         facts.role == Role::Audio;
}

std::uint64_t elements_of(std::span<const std::uint64_t> shape) {
  std::uint64_t elements = 1;
  for (const std::uint64_t length : shape) elements = times(elements, length);
  return elements;
}

// The sides of a matrix of which only its number of weights is certain.
LinearLayer packed_layer(std::uint64_t count, std::uint64_t parameters, std::span<const std::uint64_t> shape,
                         std::uint64_t hidden) {
  if (whole_quotient(parameters, hidden) != 0) {
    return {.count = count, .in = hidden, .out = parameters / hidden, .told = false};
  }
  LinearLayer widest{.count = count, .in = 1, .out = parameters, .told = false};
  std::uint64_t most = 0;
  for (const std::uint64_t length : shape) {
    const std::uint64_t other = whole_quotient(parameters, length);
    if (other == 0 || length == 1 || other == 1 || plus(length, other) < most) continue;
    most = plus(length, other);
    widest.in = length;
    widest.out = other;
  }
  return widest;
}

// Whether it is left out of what is loaded to be trained.
bool is_loaded(const TensorFacts& facts) {
  if (facts.prediction || facts.role == Role::Prediction || facts.role == Role::Buffer) return false;
  return facts.role != Role::OutputHead || facts.parameters != 0;  // the copy of a tied head has none
}

std::uint64_t sides_kept(const LinearLayer& linear) {
  const std::uint64_t out = linear.told ? linear.out : std::max(linear.in, linear.out);
  return times(linear.count, plus(times(2, linear.in), times(4, out)));
}

void add_to_block(const TensorFacts& facts, const LinearLayer& linear, std::uint64_t hidden, BlockLayers& block) {
  block.parameters = plus(block.parameters, facts.parameters);
  block.layer_norms = block.layer_norms || (facts.role == Role::Norm && facts.tensor->name.ends_with(".bias"));
  if (facts.routed_expert) {
    block.routed = plus(block.routed, facts.parameters);
    block.routed_matrices = plus(block.routed_matrices, linear.count);
    return;
  }
  if (facts.role == Role::DenseFfn) block.dense_ffn = plus(block.dense_ffn, facts.parameters);
  if (linear.count == 0) return;
  // Whichever way round it is stored, the matrix that leads back to the model's width comes last.
  if (facts.role == Role::DenseFfn && linear.told && linear.out == hidden) block.ffn_width = linear.in;
  block.matrices = plus(block.matrices, linear.count);
  const std::uint64_t sides = sides_kept(linear);
  block.all_sides = plus(block.all_sides, sides);
  const bool feeds_forward =
      facts.role == Role::DenseFfn || facts.role == Role::SharedExpert || facts.role == Role::Router;
  if (feeds_forward) return;
  block.mixer_sides = plus(block.mixer_sides, sides);
  if (facts.role == Role::StateSpace) block.state_space_sides = plus(block.state_space_sides, sides);
}

// Adafactor's row and column for each matrix; of what is no matrix, a value for each parameter.
std::uint64_t factored_values(const TensorFacts& facts, std::uint64_t hidden) {
  const std::span<const std::uint64_t> shape = facts.tensor->shape;
  if (shape.size() < 2 || facts.parameters == 0) return facts.parameters;
  if (const LinearLayer linear = linear_layer(facts, hidden); linear.count != 0) {
    return times(linear.count, plus(linear.in, linear.out));
  }
  const std::uint64_t rows = shape[shape.size() - 2];
  const std::uint64_t matrices = elements_of(shape.first(shape.size() - 2));
  return std::min(facts.parameters, times(matrices, plus(rows, shape.back())));
}

void add_linear(const TensorFacts& facts, const LinearLayer& linear, TrainedTensors& sum) {
  if (linear.count == 0) return;
  sum.sides = plus(sum.sides, times(linear.count, plus(linear.in, linear.out)));
  sum.adapted = plus(sum.adapted, linear.count);
  sum.largest_matrix = std::max(sum.largest_matrix, linear.parameters());
  const bool stacked = facts.routed_expert && linear.count > 1;
  sum.stacked_experts = sum.stacked_experts || stacked;
  if (stacked) return;  // no linear layer of its own: bitsandbytes passes it over
  sum.nf4_parameters = plus(sum.nf4_parameters, facts.parameters);
  sum.nf4_bytes = plus(sum.nf4_bytes, nf4_bytes(facts.parameters));
}

}  // namespace

std::uint64_t LinearLayer::parameters() const { return times(in, out); }

std::uint64_t nf4_bytes(std::uint64_t parameters) {
  constexpr std::uint64_t kBlock = 64;
  constexpr std::uint64_t kScales = 256;
  return plus(plus(divided_up(parameters, 2), divided_up(parameters, kBlock)),
              times(4, divided_up(parameters, kBlock * kScales)));
}

LinearLayer linear_layer(const TensorFacts& facts, std::uint64_t hidden) {
  const std::span<const std::uint64_t> shape = facts.tensor->shape;
  if (std::ranges::find(kLinearRoles, facts.role) == kLinearRoles.end() || facts.parameters == 0) return {};
  const bool stacked = facts.routed_expert && shape.size() >= 3;
  // Of what is not packed, a vector is a bias, and a convolution has three dimensions.
  if (!facts.unpacked && !stacked && shape.size() != 2) return {};
  const bool weight = facts.unpacked || stacked || facts.tensor->name.ends_with(".weight");
  if (!weight || shape.empty()) return {};
  const std::uint64_t count = stacked ? shape.front() : 1;
  if (count == 0 || facts.parameters % count != 0) return {};
  const std::uint64_t each = facts.parameters / count;
  const auto matrix = shape.size() >= 2 ? shape.last(2) : shape;
  if (shape.size() == (stacked ? 3U : 2U) && elements_of(matrix) == each) {
    // Most write a linear layer as (out, in); stacked experts come either way, and the width of the model tells.
    const bool turned = stacked && matrix[0] == hidden && matrix[1] != hidden;
    return {.count = count, .in = turned ? matrix[0] : matrix[1], .out = turned ? matrix[1] : matrix[0]};
  }
  return packed_layer(count, each, shape, hidden);
}

TrainedTensors trained_tensors(const Model& model, std::uint64_t hidden) {
  TrainedTensors sum;
  const bool language = std::ranges::any_of(model.tensors, is_of_language, &TensorFacts::stack);
  std::vector<BlockLayers> blocks(model.blocks.size());
  for (const TensorFacts& facts : model.tensors) {
    if (!is_loaded(facts)) continue;
    sum.parameters = plus(sum.parameters, facts.parameters);
    sum.stored_bytes = plus(sum.stored_bytes, facts.tensor->bytes);
    sum.factored = plus(sum.factored, factored_values(facts, hidden));
    sum.towers = sum.towers || (language && is_tower(facts));
    if (!is_of_language(facts.stack) || facts.block >= blocks.size()) continue;
    BlockLayers& block = blocks[facts.block];
    block.stack = facts.stack;
    block.layer = facts.layer;
    const LinearLayer linear = linear_layer(facts, hidden);
    add_to_block(facts, linear, hidden, block);
    add_linear(facts, linear, sum);
  }
  for (BlockLayers& block : blocks) {
    if (block.layer < 0) continue;
    sum.largest_block = std::max(sum.largest_block, block.parameters);
    sum.blocks.push_back(block);
  }
  return sum;
}

}  // namespace weigh::core
