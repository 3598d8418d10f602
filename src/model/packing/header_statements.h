#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "formats/name_index.h"
#include "src/checkpoint/checkpoint.h"
#include "src/model/naming/tensor_name.h"

namespace weigh::core {

/// What the `__metadata__` of a safetensors header says of how one module is packed. Empty where it says nothing.
struct HeaderStatement {
  std::string_view torchao_type;            ///< torchao: "Int4Tensor"
  std::string format;                       ///< ComfyUI: "int8_tensorwise"; Ollama: "int4"
  std::optional<std::uint64_t> group_size;  ///< Ollama: weights per scale

  /// The bits per weight that `format` stands for; nothing for one that is not known.
  [[nodiscard]] std::optional<std::uint64_t> bits() const;
};

/// The statements of all headers of a checkpoint. Views into the checkpoint's headers.
class HeaderStatements {
 public:
  /// `modules` are the names of the modules by number, as split_name() cuts them.
  HeaderStatements(const Checkpoint& checkpoint, const NameIndex& modules);

  /// What is said of the module, else of all modules of the file.
  [[nodiscard]] const HeaderStatement& of(std::uint32_t module, const ModelFile* file) const;

 private:
  void read(const ModelFile& file, const NameIndex& modules);
  void read_comfy(std::string_view text, const NameIndex& modules);

  std::unordered_map<std::uint32_t, HeaderStatement> by_module_;
  std::unordered_map<const ModelFile*, HeaderStatement> by_file_;
  HeaderStatement none_;
};

}  // namespace weigh::core
