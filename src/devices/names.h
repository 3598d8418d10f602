#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/devices/device.h"

namespace weigh::core {

/// What a name as people and tools write it ("4060ti", "NVIDIA GeForce RTX 4060", "MacBook Pro M3 18GB") can mean. Every
/// word of it must be one of the device's: of its id, name, vendor and aliases, or its size of memory. Spaces, hyphens
/// and case don't matter, but digits that stand together stay together.
struct NamedDevices {
  /// The device that is meant; several when the name fits them equally well: nothing is guessed between sizes of
  /// memory. Empty: none fits.
  std::vector<const Device*> devices;
  /// The name fits only without its size of memory, or fits a variant while the plain device has another size: no
  /// single one is meant, `devices` are near it.
  bool other_size = false;
};

NamedDevices devices_named(std::span<const Device> devices, std::string_view name);

/// Its letters and digits in lower case, without the words that name only a brand: "4060ti" of "rtx-4060-ti".
std::string unbranded(std::string_view name);

/// What a line of nvidia-smi, rocm-smi, lspci or system_profiler says of the device: no label before it, no UUID or
/// revision after it. Any other text as it is.
std::string_view without_labels(std::string_view text);

/// "8GB card", "24 gb vram", "16GB Radeon card": a card sold with that size, which is binary whatever the unit. The
/// maker's rule is NVIDIA's where none is named. Throws UsageError for a size that no device may have.
std::optional<Device> card_of_size(std::string_view text);

}  // namespace weigh::core
