// A list of devices from elsewhere: it is taken as a whole or not at all, and what it names can be asked for.
#include "formats/error.h"
#include "src/devices/catalogue.h"
#include "src/fit/device_set.h"

using namespace weigh::core;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Catalogue kBuiltIn = Catalogue::built_in();
  Catalogue catalogue = kBuiltIn;
  try {
    catalogue.add({reinterpret_cast<const char*>(data), size}, "fuzz");
  } catch (const UsageError&) {
    if (catalogue.devices().size() != kBuiltIn.devices().size()) __builtin_trap();
    return 0;
  }
  for (const Device& device : catalogue.devices().subspan(kBuiltIn.devices().size())) {
    if (catalogue.search(device.id).empty()) __builtin_trap();
    try {
      const DeviceSet set = device_set_of(catalogue.resolve(device.id));
      for (const Slot& slot : set.slots) (void)slot.budget;
    } catch (const UsageError&) {  // an id that reads as a request of another kind
    }
  }
  return 0;
}
