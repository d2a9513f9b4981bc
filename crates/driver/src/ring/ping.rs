//! A question to a node of a ring from outside of it, as `ferrolb doctor` asks: does its port answer datagrams?

use core::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use core::time::Duration;
use std::io;

use ferrolb_gossip::Config;
use ferrolb_wire::memberlist::{
    EncryptionVersion, Envelope, Key, KeyRing, Message, PACKET_MAX, Ping, each_message,
};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use crate::random::Random;

/// How often is asked: datagrams may be lost.
const QUESTIONS: u32 = 3;
const PATIENCE: Duration = Duration::from_millis(500);

/// Whether the node `name` at `address` answers a ping. Without its `key` no node of an encrypted ring does.
///
/// # Errors
/// When no datagram can be sent.
pub async fn ping(address: SocketAddr, name: &str, key: Option<&[u8; 32]>) -> io::Result<bool> {
    let keys = key
        .map(|key| Key::new(key))
        .transpose()
        .map_err(io::Error::other)?;
    let (envelope, random) = (envelope(keys.map(KeyRing::new)), Random::new());
    let own: SocketAddr = match address {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(own).await?;
    // Then the kernel tells when a port is closed, and only this node is heard.
    socket.connect(address).await?;
    for sequence in 1..=QUESTIONS {
        let question = Message::Ping(Ping {
            sequence,
            node: name,
            source: None,
        });
        let packet = envelope.seal_packet(&question.encode(), false, random.nonce()?);
        let answered = match socket.send(&packet).await {
            Ok(_) => timeout(PATIENCE, answer(&socket, &envelope)).await,
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return Ok(false),
            Err(error) => return Err(error),
        };
        match answered {
            Ok(Ok(())) => return Ok(true),
            Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => return Ok(false),
            Ok(Err(error)) => return Err(error),
            Err(_) => {}
        }
    }
    Ok(false)
}

fn envelope(keys: Option<KeyRing>) -> Envelope {
    let config = Config::lan();
    Envelope {
        label: String::new(),
        keys,
        compress: false,
        verify_incoming: config.gossip_verify_incoming,
        verify_outgoing: config.gossip_verify_outgoing,
        version: EncryptionVersion::Plain,
    }
}

/// Waits for an answer; what else comes is passed over.
async fn answer(socket: &UdpSocket, envelope: &Envelope) -> io::Result<()> {
    let mut buffer = vec![0; PACKET_MAX];
    loop {
        let length = socket.recv(&mut buffer).await?;
        let Ok(payload) = envelope.open_packet(&buffer[..length]) else {
            continue;
        };
        let mut is_answer = false;
        // Nodes send news along with their answers.
        let _cut_off = each_message(&payload, |bytes| {
            is_answer |= matches!(Message::decode(bytes), Ok(Message::Ack(_)));
        });
        if is_answer {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::{Setup, start};

    #[tokio::test]
    async fn a_node_answers_who_has_its_key_and_knows_its_name() {
        let key = [7; 32];
        let keys = KeyRing::new(Key::new(&key).unwrap());
        let setup = Setup {
            keys: Some(keys),
            ..Setup::new("n1", "127.0.0.1:0".parse().unwrap())
        };
        let node = start(setup).await.unwrap();
        assert!(ping(node.address, "n1", Some(&key)).await.unwrap());
        assert!(!ping(node.address, "n1", Some(&[8; 32])).await.unwrap());
        assert!(!ping(node.address, "n1", None).await.unwrap());
        assert!(!ping(node.address, "n2", Some(&key)).await.unwrap());
        node.handle.leave().await;
        node.task.await.unwrap();
        assert!(!ping(node.address, "n1", Some(&key)).await.unwrap(), "it is gone");
    }
}
