#include "src/fit/pipeline.h"

#include "src/devices/units.h"
#include "tests/catch.h"

using namespace weigh::core;

namespace {

struct Judged {
  PipelineFits fits;
  const Fit& at_once() const { return fits.at_once.front(); }
};

Judged judged(const PipelineWeights& weights, std::string_view device) {
  static const Catalogue catalogue = Catalogue::built_in();
  const DeviceSet devices = device_set_of(catalogue.resolve(device));
  return {weigh_pipeline(weights, {&devices, 1}, catalogue)};
}

}  // namespace

TEST_CASE("the encoders of a pipeline wait on the host where everything at once is too much") {
  struct Row {
    std::string what;
    PipelineWeights weights;  // GiB
    std::string device;
    Verdict at_once;
    ReasonKind help;
    std::optional<Verdict> encoders_on_host;
  };
  const std::vector<Row> rows = {
      {"all of it", {{1, 9}, {6}}, "rtx-4090", Verdict::Fits, ReasonKind::None, Verdict::Offload},
      {"without the encoders",
       {{1, 9}, {20}},
       "rtx-4090",
       Verdict::Offload,
       ReasonKind::EncodersOnHost,
       Verdict::Offload},
      {"not even then", {{1, 9}, {30}}, "rtx-4090", Verdict::No, ReasonKind::NotEvenWithoutEncoders, Verdict::No},
      {"encoders that the host has no room for",
       {{20, 9}, {20}},
       "rtx-4090",
       Verdict::No,
       ReasonKind::HostTooSmall,
       Verdict::No},
      {"no encoders: layers", {{}, {4, 4, 22}}, "rtx-4090", Verdict::No, ReasonKind::HostTooSmall, std::nullopt},
      {"no host beside the memory", {{1, 9}, {30}}, "m2-ultra-192gb", Verdict::Fits, ReasonKind::None, std::nullopt},
      {"two cards hold whole components",
       {{9}, {12, 12}},
       "2x rtx-4090",
       Verdict::Fits,
       ReasonKind::None,
       Verdict::Offload},
      {"which cannot be cut", {{}, {24, 6}}, "2x rtx-4090", Verdict::No, ReasonKind::HostTooSmall, std::nullopt},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    PipelineWeights weights = row.weights;
    for (std::uint64_t& bytes : weights.encoders) bytes *= kGiB;
    for (std::uint64_t& bytes : weights.others) bytes *= kGiB;
    const Judged judged_all = judged(weights, row.device);
    CHECK(judged_all.at_once().verdict == row.at_once);
    CHECK(judged_all.at_once().reason.kind == row.help);
    REQUIRE(judged_all.fits.encoders_on_host.size() == (row.encoders_on_host ? 1 : 0));
    if (!row.encoders_on_host) continue;
    const Fit& rest = judged_all.fits.encoders_on_host.front();
    CHECK(rest.verdict == *row.encoders_on_host);
    CHECK(rest.need == judged_all.at_once().need);
    std::uint64_t encoders = 0;
    for (const std::uint64_t bytes : weights.encoders) encoders += bytes;
    CHECK(rest.host->need_bytes == encoders);
  }
}
