//! What is written, by the API server's audit log.

use anyhow::Result;
use ferrolb_tests_cluster::{Cluster, Request, Roles, eventually};

use crate::{WEB, apply_examples, create_another};

#[test]
fn one_status_write_gives_a_service_its_addresses() -> Result<()> {
    Cluster::run(Roles::Shipped, |cluster| {
        let _controller = cluster.start_controller()?;

        apply_examples(cluster)?;
        create_another(cluster, "another")?;

        let writes = cluster.plane.audit.writes_of("controller")?;
        let status =
            |request: &&Request| request.resource == "services/status" && request.object == "default/web";
        assert_eq!(writes.iter().filter(status).count(), 1, "{writes:#?}");
        Ok(())
    })
}

#[test]
fn a_controller_restarted_with_everything_assigned_writes_nothing() -> Result<()> {
    Cluster::run(Roles::Shipped, |cluster| {
        let kubectl = &cluster.plane.kubectl;
        let controller = cluster.start_controller()?;
        let addresses = apply_examples(cluster)?;
        create_another(cluster, "before")?;
        eventually("the controller has reported", || {
            let state = kubectl.get("configurationstate", "metallb-system", "controller")?;
            anyhow::ensure!(state["status"]["result"] == "Valid");
            Ok(())
        })?;
        assert!(controller.stop()?.success(), "it ends cleanly on SIGTERM");
        let service = kubectl.get("service", "default", WEB)?;
        let before = cluster.plane.audit.writes_of("controller")?.len();

        let _controller = cluster.start_controller()?;
        create_another(cluster, "after")?;

        let writes = cluster.plane.audit.writes_of("controller")?.split_off(before);
        let concerns_the_new_one = |request: &&Request| {
            request.object == "default/after"
                || request.resource == "events" && request.object.starts_with("default/")
                || request.resource == "ipaddresspools/status"
        };
        let (new, old): (Vec<_>, Vec<_>) = writes.iter().partition(concerns_the_new_one);
        assert!(old.is_empty(), "it wrote {old:#?}");
        assert_eq!(
            new.iter().filter(|r| r.resource == "services/status").count(),
            1,
            "{new:#?}"
        );
        assert_eq!(kubectl.addresses(WEB)?, addresses);
        assert_eq!(
            kubectl.get("service", "default", WEB)?,
            service,
            "not even its resourceVersion changed"
        );
        assert_eq!(
            kubectl.events("default", "Service", WEB)?.len(),
            1,
            "no event is repeated"
        );
        Ok(())
    })
}
