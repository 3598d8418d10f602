#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "src/memory/graph/graph.h"

namespace weigh::core {

/// Where what a graph reads lies. Backends are numbered from the devices, in their order, to the host, the last.
struct GraphPlacement {
  int backends = 1;
  std::vector<int> caches{};  ///< of each block
  /// Of a weight by its block (kOutside: of none) and its name as GraphTensor has it.
  std::function<int(std::int32_t layer, std::string_view weight)> weight{};
  /// What it takes: asked only where it is copied.
  std::function<std::uint64_t(std::int32_t layer, std::string_view weight)> weight_bytes{};
  /// Every block and the output lie on devices: then norms stay with their blocks.
  bool all_on_devices = false;
  /// What a device gives out at a time: operations with larger tensors run on the host. Absent: no such limit.
  std::optional<std::uint64_t> largest_chunk{};

  [[nodiscard]] int host() const { return backends - 1; }
};

/// The bytes of each backend's compute buffer, as ggml's scheduler cuts the graph where the home of what is read changes
/// (ggml/src/ggml-backend.cpp, ggml_backend_sched_split_graph): each part gets copies of what it reads from elsewhere,
/// weights on the host among them, with which a device computes whole prompts. One alignment for devices, one for the host.
std::vector<std::uint64_t> split_buffer_bytes(const Graph& graph, const GraphPlacement& placement,
                                              std::uint64_t device_alignment, std::uint64_t host_alignment);

}  // namespace weigh::core
