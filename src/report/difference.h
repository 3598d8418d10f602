#pragma once

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "src/model/model.h"
#include "src/report/style.h"

namespace weigh::core {

/// One tensor of either side; `b` is null for a removed one, `a` for an added one.
struct TensorDifference {
  const Tensor* a = nullptr;
  const Tensor* b = nullptr;

  [[nodiscard]] bool reshaped() const;
  [[nodiscard]] bool retyped() const;
};

/// What one part of a model is on each side.
struct SideBySide {
  std::string name;
  std::optional<std::uint64_t> a_parameters = 0, b_parameters = 0;  ///< absent where they are unknown
  std::uint64_t a_bytes = 0, b_bytes = 0;

  [[nodiscard]] bool differs() const { return a_parameters != b_parameters || a_bytes != b_bytes; }
};

/// A key whose value is not the same on both sides, as text for people; absent where a side lacks the key.
struct MetadataDifference {
  std::string key;
  std::optional<std::string> a, b;
};

/// What differs between two models. Points into both.
struct Difference {
  const Model* a = nullptr;
  const Model* b = nullptr;
  /// Both sides name their tensors alike. Otherwise (a GGUF against its safetensors source) names and metadata say
  /// nothing, and `groups` compares parts of layers instead.
  bool comparable_names = true;
  std::vector<TensorDifference> added, removed, changed;
  std::vector<SideBySide> by_dtype;  ///< every type of either side
  std::vector<SideBySide> by_role;   ///< every role of either side
  std::vector<SideBySide> groups;    ///< role by role and layer by layer, only where the parameters differ
  std::vector<MetadataDifference> metadata;

  /// The same tensors, types, shapes and metadata. How they are spread over files does not matter.
  [[nodiscard]] bool equal() const;
};

Difference compare(const Model& a, const Model& b);

/// In text, json, csv or markdown. `failures` stand in for a side that could not be read: `difference` is null then.
void write_difference(const Difference* difference, std::string_view a_path, std::string_view b_path,
                      const std::vector<Failure>& failures, std::string_view format, const Style& style,
                      std::ostream& out);

}  // namespace weigh::core
