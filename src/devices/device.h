#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weigh::core {

/// The most one device may have, and the most devices one may ask for: their product stays far from overflow.
inline constexpr std::uint64_t kMaxDeviceBytes = std::uint64_t{1} << 50;  // 1 PiB
inline constexpr std::uint32_t kMaxDevices = 4096;

/// How a device's memory is shared and what its driver holds back: one budget rule each (budget.cpp).
enum class DeviceKind : std::uint8_t { DiscreteGpu, Accelerator, AppleUnified, Unified, Cpu, Phone, Size };

/// One line of the catalogue.
struct Device {
  std::string id;
  std::string name;
  std::string vendor;
  DeviceKind kind = DeviceKind::Size;
  std::uint64_t memory_bytes = 0;            ///< of one device
  std::optional<std::uint64_t> limit_bytes;  ///< what the driver lets one process use, where it was observed
  bool limit_is_free = false;                ///< that is what is free now, on this machine
  std::optional<std::uint64_t> bandwidth_bytes_per_second;
  std::uint32_t count = 1;  ///< devices in this machine, or in all machines that were asked for
  std::uint32_t asked = 1;  ///< how many of this line of the catalogue were asked for: the 2 of "2x dgx-h100"
  std::string member;       ///< what a machine of several devices is made of, or another name for this one
  std::string maker;        ///< whose rules the memory follows: the member's vendor, else the vendor
  bool common = false;      ///< stands in the short common_devices of a report without --on
};

/// "discrete-gpu", ...; "size" for a plain size given on the command line.
std::string_view kind_name(DeviceKind kind);

/// The built-in catalogue, then the user's own files. Parsed once.
class Catalogue {
 public:
  /// The catalogue built into the binary.
  static Catalogue built_in();

  /// Adds devices from CSV text in the catalogue's own columns, named by its first line in any order; id, kind and
  /// memory_bytes are required. A device with a known id replaces it. Throws UsageError naming `origin` and the line,
  /// and then adds nothing.
  void add(std::string_view csv, const std::string& origin);

  [[nodiscard]] std::span<const Device> devices() const { return devices_; }

  /// All devices whose id or name contains every word of `query`, in any case.
  [[nodiscard]] std::vector<const Device*> search(std::string_view query) const;

  /// What `--on` takes: an id, an unambiguous part of one, "2x rtx-4090", "24GiB". Throws UsageError with the
  /// candidates.
  [[nodiscard]] Device resolve(std::string_view request) const;

 private:
  [[nodiscard]] const Device* find(std::string_view id) const;
  void put(Device device);
  void find_maker(Device& device) const;

  std::vector<Device> devices_;
  std::map<std::string, std::size_t, std::less<>> places_;  // id -> index of devices_
};

/// The built-in catalogue and, where it exists, the user's: $WEIGH_DEVICES, else $XDG_CONFIG_HOME/weigh/devices.csv,
/// else ~/.config/weigh/devices.csv. Throws UsageError when that file cannot be read or is wrong.
Catalogue load_catalogue();

}  // namespace weigh::core
