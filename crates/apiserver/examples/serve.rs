//! Serves an empty cluster on a loopback address until it is interrupted: `cargo run --example serve -- 127.0.0.1:8001`.

use ferrolb_apiserver::{ApiServer, Options};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let server = ApiServer::new(Options::default())?;
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("http://{}", listener.local_addr()?);
    let interrupted = async { drop(tokio::signal::ctrl_c().await) };
    server.serve(listener, interrupted).await?;
    Ok(())
}
