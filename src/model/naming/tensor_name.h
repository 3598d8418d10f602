#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace weigh::core {

/// Which series of blocks a block number counts in: a model may have several, each from 0.
enum class Stack : std::uint8_t { None, Main, Encoder, Decoder, Vision, Audio, Projector, Prediction };

/// A tensor name, understood. Views into the name.
struct NameParts {
  std::string_view block;  ///< up to and including the block number, "model.layers.3"; empty outside of blocks
  std::string_view rest;   ///< behind it, "self_attn.q_proj.weight"; outside of blocks the whole name
  Stack stack = Stack::None;
  std::int32_t layer = -1;  ///< block number, -1 outside of blocks
};

NameParts parse_name(std::string_view name);

/// Which series the parts of a path speak of: Vision for "model.visual.patch_embed"; Main where they speak of none.
Stack stack_of(std::string_view path);

/// What part a tensor has in a mixture of experts, by its name.
enum class ExpertPart : std::uint8_t {
  None,
  Indexed,  ///< of one routed expert, its number is in the name
  Stacked,  ///< of all routed experts of the layer
  Shared,   ///< of the experts that always work
  Router,   ///< rows = experts
};

struct ExpertName {
  ExpertPart part = ExpertPart::None;
  bool chunk = false;          ///< GroveMoE's chunk experts: routed, but their number is not the layer's
  std::uint32_t index_at = 0;  ///< where in `rest` the part with that number begins; not set in a ReadName
  std::uint64_t index = 0;     ///< of Indexed
};

/// The rule of facts on all families at once, GGUF included. `rest` as in NameParts.
ExpertName expert_name(std::string_view rest);

/// "7" and "expert_7" as 7: how an expert's number is written.
std::optional<std::uint64_t> expert_number(std::string_view part);

/// Names that differ only in the number in them: all that "experts.3.up_proj.weight" begins and ends with.
struct NumberedName {
  std::string_view before;
  std::string_view after;

  /// The number of a name that is like these; nothing for another name.
  [[nodiscard]] std::optional<std::uint64_t> number_of(std::string_view name) const;
};
/// What is around the number in the part that begins at `at`, "7" or "expert_7".
NumberedName around_number(std::string_view name, std::size_t at);

/// The part of a path behind the last dot; all of it where there is none.
std::string_view last_part(std::string_view path);

}  // namespace weigh::core
