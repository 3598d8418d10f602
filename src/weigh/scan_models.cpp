#include "src/weigh/scan_models.h"

#include <fmt/core.h>

#include <algorithm>
#include <memory>
#include <thread>
#include <utility>

#include "src/report/json.h"
#include "src/scan/identity.h"

namespace weigh::core {
namespace {

StoredModel weigh_scanned(Checkpoint&& checkpoint, Store store, const RunSetup& setup, LineUse line,
                          Identities& identities) {
  ScanFacts facts;
  facts.store = store_name(store);
  facts.identity = identities.of(checkpoint);
  facts.header_only = checkpoint.header_only;
  // What a snapshot was taken of lies elsewhere.
  facts.times = times_of(checkpoint.header_only ? std::span(&checkpoint.path, 1) : std::span(checkpoint.file_paths));
  Model model = describe(std::move(checkpoint));
  ModelReport report;
  report.common_devices = true;
  if (setup.groups.empty()) {
    report.model = std::move(model);
  } else {
    report = weigh_run_of(std::move(model), setup.options, setup.companions, setup.groups, setup.catalogue,
                          WeighDetail::Placement);
  }
  return stored_model(report, facts, line);
}

}  // namespace

Weigher scan_weigher(const RunSetup& setup, LineUse line) {
  return [&setup, line, identities = std::make_shared<Identities>()](Checkpoint&& checkpoint, Store store) {
    return weigh_scanned(std::move(checkpoint), store, setup, line, *identities);
  };
}

std::string verdicts_key(const RunSetup& setup) {
  if (setup.groups.empty()) return {};
  std::string key(kInspectSchema);  // verdicts of another meaning are made anew
  key += ' ';
  for (const DeviceSet& group : setup.groups) {
    key += fmt::format("{} x{}", group.label.id, group.label.asked);
    for (const Slot& slot : group.slots) key += fmt::format(" {}", slot.budget.safe);
    if (group.host) key += fmt::format(" beside {}", group.host->slot.budget.safe);
    key += "; ";
  }
  return key + key_of(setup.options);
}

unsigned threads_or_all(unsigned threads) {
  return threads != 0 ? threads : std::max(1U, std::thread::hardware_concurrency());
}

}  // namespace weigh::core
