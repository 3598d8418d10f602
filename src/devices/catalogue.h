#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/devices/device.h"

namespace weigh::core {

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

  /// All devices whose id or name contains every word of `query`, in any case; where none does, those that it is a name
  /// of (src/devices/names.h).
  [[nodiscard]] std::vector<const Device*> search(std::string_view query) const;

  /// The device that `request` names: by an id, an unambiguous part of one, "2x rtx-4090", or a size such as "24GiB".
  /// Throws UsageError with the request, cut where it is long, and the candidates.
  [[nodiscard]] Device resolve(std::string_view request) const;

 private:
  [[nodiscard]] const Device* find(std::string_view id) const;

  std::vector<Device> devices_;
};

/// The user's file of that name for weigh: $XDG_CONFIG_HOME/weigh/NAME, else ~/.config/weigh/NAME. Empty without either.
std::string config_path(std::string_view name);

/// The built-in catalogue and, where it exists, the user's: $WEIGH_DEVICES, else $XDG_CONFIG_HOME/weigh/devices.csv,
/// else ~/.config/weigh/devices.csv. Throws UsageError when that file cannot be read or is wrong.
Catalogue load_catalogue();

}  // namespace weigh::core
