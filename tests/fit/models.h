// What the tests of src/fit weigh: snapshots of well-known models, on devices of the catalogue.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "src/checkpoint/open_checkpoint.h"
#include "src/devices/catalogue.h"
#include "src/fit/candidate.h"
#include "src/fit/device_set.h"
#include "tests/catch.h"

namespace weigh::core::test {

inline Model open(const std::string& name) {
  OpenResult opened = open_checkpoints(std::string(WEIGH_TESTDATA "/snapshots/") + name + ".weigh.zst");
  REQUIRE(opened.checkpoints.size() == 1);
  return describe(std::move(opened.checkpoints.front()));
}

inline const Catalogue& catalogue() {
  static const Catalogue devices = Catalogue::built_in();
  return devices;
}

inline DeviceSet on(const std::string& request) { return device_set_of(catalogue().resolve(request)); }

inline DeviceSet together(const std::vector<std::string>& requests) {
  std::vector<Device> devices;
  for (const std::string& request : requests) devices.push_back(catalogue().resolve(request));
  return device_set_of(devices);
}

inline const QuantizerType* q4_k_m() { return find_quantizer_type("Q4_K_M"); }

inline std::uint64_t bytes(const Bytes& part) {
  REQUIRE(part.has_value());
  return *part;
}

}  // namespace weigh::core::test
