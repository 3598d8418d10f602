#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weigh::core {

/// Bytes a run needs, part by part; a part that is not counted is absent.
struct Need {
  std::optional<std::uint64_t> weights;
  std::optional<std::uint64_t> kv_cache;
  std::optional<std::uint64_t> state;
  std::optional<std::uint64_t> compute;
  std::optional<std::uint64_t> overhead;  ///< of the engine and its driver context, on every device it uses
  /// The weights in pieces that cannot be cut (a layer each), in order, for more than one device. Empty: the weights
  /// divide anywhere. Everything else that is counted divides evenly.
  std::vector<std::uint64_t> pieces;

  [[nodiscard]] std::uint64_t total() const;
};

/// The parts that a need is the sum of.
inline constexpr std::array kNeedParts{&Need::weights, &Need::kv_cache, &Need::state, &Need::compute, &Need::overhead};

/// What is loaded beside the model, and how much of the need it is.
struct CompanionShare {
  std::string_view role;  ///< "mmproj", "draft"
  std::string name;       ///< of its file
  std::string path;
  Need need;                     ///< on all devices
  std::uint64_t host_bytes = 0;  ///< beside them
};

/// What one memory holds of a run that is placed.
struct PlacedPart {
  std::string device;        ///< its id, "host" for the host
  std::uint64_t layers = 0;  ///< blocks of the model
  bool output = false;       ///< the output layer as well
  Need need;
  std::optional<std::uint64_t> budget_bytes;  ///< absent: how much the host has is not known
};

/// Where the parts of a run go.
struct PlacementPlan {
  std::optional<std::uint64_t> gpu_layers;  ///< as -ngl counts; absent: all of them
  std::uint64_t cpu_moe_layers = 0;         ///< the first blocks' experts stay on the host
  std::vector<PlacedPart> devices;
  PlacedPart host;
  std::vector<std::string> flags;  ///< of the engine: "-ngl", "21", ...
  bool fits = false;               ///< every device, and the host where its memory is known, within its safe budget
};

/// One way to make a run fit, tried out.
struct Advice {
  std::string_view kind;           ///< "context", "cache", "quantisation", ...
  std::string text;                ///< one sentence without its full stop
  std::vector<std::string> flags;  ///< of `weigh fit`, in place of those given: "--context", "2048"
  std::uint64_t need_bytes = 0;    ///< on the devices
};

/// Tokens per second that memory bandwidth allows at most.
struct SpeedBound {
  double empty = 0;  ///< with nothing in the cache
  double full = 0;   ///< with the context full
};

}  // namespace weigh::core
