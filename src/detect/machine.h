#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace weigh::core {

/// One device as NVIDIA's management library reports it.
struct NvidiaDevice {
  std::string name;
  std::uint64_t total_bytes = 0;
  std::uint64_t free_bytes = 0;
};

/// What a program may ask the machine it runs on. Tests answer from recorded trees.
class Machine {
 public:
  Machine() = default;
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  virtual ~Machine() = default;

  /// A small file of /proc or /sys; nothing when it is not there.
  [[nodiscard]] virtual std::optional<std::string> read(const std::string& path) const = 0;
  /// Names in a folder, sorted; empty when it is not there.
  [[nodiscard]] virtual std::vector<std::string> list(const std::string& path) const = 0;
  /// macOS: a value of sysctl as text; nothing elsewhere.
  [[nodiscard]] virtual std::optional<std::string> sysctl(const std::string& name) const = 0;
  /// Empty where the driver's library is not there: that is no error.
  [[nodiscard]] virtual std::vector<NvidiaDevice> nvidia() const = 0;
  /// macOS: Metal's recommendedMaxWorkingSetSize of a GPU that shares main memory, bytes; nothing elsewhere.
  [[nodiscard]] virtual std::optional<std::uint64_t> metal_working_set() const = 0;
};

std::unique_ptr<Machine> this_machine();

}  // namespace weigh::core
